/* Preloaded into every process of a group: counts calls of fsync, fdatasync, rename, renameat, renameat2, link and
 * linkat across the whole group in one shared file, and kills the group with SIGKILL just before the N-th.
 *
 *   KILLPOINT_FILE  a file of 128 bytes, zeroed: the count, the group that is counted and killed (0: that of the first
 *                   process), and what a forked child may set for itself: N, or a text, which kills at the first point
 *                   whose "call path" contains it
 *   KILLPOINT_AT    N, counted from 1; 0 or absent: what the file says; if that is 0 too, only counts
 *   KILLPOINT_DRY   if set, fsync and fdatasync are counted and not done: what the kernel has outlives SIGKILL anyway
 *   KILLPOINT_LOG   optional: one line for each point, "N call path"
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared { _Atomic uint64_t count; _Atomic int64_t group; _Atomic uint64_t at; char text[104]; };
static struct shared *shared;
static uint64_t env_at;
static int log_fd = -1, dry;

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("KILLPOINT_FILE"), *n = getenv("KILLPOINT_AT"), *log = getenv("KILLPOINT_LOG");
    int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) return;
    int64_t nobody = 0;
    env_at = n ? strtoull(n, NULL, 10) : 0;
    if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dry = getenv("KILLPOINT_DRY") != NULL;
    shared = map;
    atomic_compare_exchange_strong(&shared->group, &nobody, (int64_t)getpgrp());
}

static void point(const char *call, const char *path) {
    if (!shared || shared->group != (int64_t)getpgrp()) return;
    uint64_t at = env_at ? env_at : shared->at;
    uint64_t now = atomic_fetch_add(&shared->count, 1) + 1;
    char line[512];
    int size = snprintf(line, sizeof line, "%llu %s %s\n", (unsigned long long)now, call, path);
    if (log_fd >= 0) {
        ssize_t written = write(log_fd, line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
        (void)written;
    }
    if ((at && now >= at) || (shared->text[0] && strstr(line, shared->text))) {
        /* also what runs beside the one that is there goes no further */
        kill((pid_t)-shared->group, SIGKILL);
        raise(SIGKILL);
    }
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static const char *named(int fd, char *link, char *path, size_t size) {
    snprintf(link, 64, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

int fsync(int fd) { REAL(fsync); char l[64], p[400]; point("fsync", named(fd, l, p, sizeof p)); return dry ? 0 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); char l[64], p[400]; point("fdatasync", named(fd, l, p, sizeof p)); return dry ? 0 : real(fd); }
int rename(const char *a, const char *b) { REAL(rename); point("rename", b); return real(a, b); }
int renameat(int x, const char *a, int y, const char *b) { REAL(renameat); point("renameat", b); return real(x, a, y, b); }
int renameat2(int x, const char *a, int y, const char *b, unsigned f) { REAL(renameat2); point("renameat2", b); return real(x, a, y, b, f); }
int link(const char *a, const char *b) { REAL(link); point("link", b); return real(a, b); }
int linkat(int x, const char *a, int y, const char *b, int f) { REAL(linkat); point("linkat", b); return real(x, a, y, b, f); }
