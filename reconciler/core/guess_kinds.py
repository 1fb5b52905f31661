"""What a word says of a settlement: payment, credit note, write-off, discount or reversal; and of a row of postings,
whether it is an invoice at all.

Words of the languages and systems whose exports are met most, compared without case, accents, spaces and marks. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.guess_names import named, plain
from reconciler.core.guess_values import Column
from reconciler.core.proposed import FieldChoice

INVOICE = "invoice"
_MOST = 30
_KNOWN = 0.5

# Where a text holds words of several kinds the first one counts: a reversed payment is no payment.
_WORDS: Mapping[str, str] = {
    "reversal": """
        reversal reversed reverse rev rvs void voided cancelled cancellation canceled bounced nsf chargeback
        refund refunded returned unapplied unapply unapplication storno storniert stornierung stor rückbuchung
        rücklastschrift rückzahlung rl annulation annulé contrepassation extourne impayé rejet remboursement
        anulación anulado devolución impagado retrocesión insoluto rimborso annullamento terugboeking
        stornering teruggave estorno devolução zwrot korektawpłaty
    """,
    "write-off": """
        writeoff writtenoff wo baddebt uncollectible irrecoverable ausbuchung ausgebucht ausb abschreibung
        abgeschrieben forderungsausfall forderungsverlust debitorenverlust irrécouvrable passageenperte perte
        créanceperdue incobrable pérdida
        perditasucrediti inesigibile afboeking afschrijving oninbaar incobrável perda odpis umorzenie
    """,
    "discount": """
        discount disc dsc dis rebate allowance cashdiscount cashdisc earlypayment pennydifference pennydiff
        shortpay roundingdifference skonto skto sk rabatt nachlass preisnachlass rundungsdifferenz kleindifferenz
        escompte esc remise rabais descuento prontopago sconto abbuono korting betalingskorting desconto rabat
    """,
    "credit-note": """
        creditnote creditmemo creditmemorandum creditadvice cn cm crm gutschrift guts gs dg avoir notedecrédit
        nc notadecrédito notadecredito notadicredito notacredito abono creditnota kn korekta notakredytowa
        kredytowa custcreditnote
    """,
    "payment": """
        payment paid pmt pymt pay py receipt receipts received deposit remittance wire wiretransfer banktransfer
        transfer ach eft cheque check chk cash card creditcard lockbox directdebit debitorder sepa lsv esr
        zahlung zahlungseingang zahl za ze dz zp überweisung lastschrift bankeinzug einzug eingang bareinzahlung
        barzahlung teilzahlung anzahlung vorauszahlung ausgleich paiement règlement virement prélèvement chèque
        encaissement acompte pago cobro transferencia ingreso domiciliación anticipo pagamento incasso bonifico
        riba acconto betaling ontvangst overboeking incassobetaling recebimento transferência boleto płatność
        wpłata przelew zapłata
    """,
}
_OF_INVOICES = """
    invoice invoices inv salesinvoice freetextinvoice customerinvoice rechnung ausgangsrechnung re rv dr facture
    facturedevente factura facturadeventa fattura fatturadivendita factuur verkoopfactuur fatura faktura
    fakturasprzedaży outinvoice
"""
#: Numbers and names of LedgerTransType, as CustTrans of Dynamics 365 Finance has them.
_TRANSTYPE: Mapping[str, str] = {
    **dict.fromkeys(("2", "6", "8", "sales", "project", "cust"), INVOICE),
    "15": "payment", "27": "discount", "29": "discount", "35": "write-off",
}  # fmt: skip
_SIDES = (("s", "h"), ("d", "c"), ("dr", "cr"), ("debit", "credit"), ("soll", "haben"), ("d", "k"))

KINDS: Mapping[str, frozenset[str]] = {kind: frozenset(map(plain, words.split())) for kind, words in _WORDS.items()}
_INVOICES = frozenset(map(plain, _OF_INVOICES.split()))


@dataclass(frozen=True)
class Kinds:
    """A column of kinds: text of the source → its word, and the texts that no word is known for."""

    column: Column
    words: Mapping[str, str]
    unknown: Sequence[str]

    def choice(self, why: str, otherwise: str | None) -> FieldChoice:
        """The field `kind` by this column, the commonest text first. `otherwise`: what a text is that no word is known
        for, None where it is left as it is, as are texts that no file should hold."""
        words = {text: word for text in self._texts() if (word := self.words.get(text, otherwise))}
        shown = tuple(
            (text, f"{words.get(text, 'left out')}: {self.column.counts[text]:,} rows") for text in self._texts()
        )
        values = {text: word for text, word in words.items() if text != word and text.isprintable()}
        return FieldChoice("kind", why, self.column.name, options={"values": values} if values else None, words=shown)

    def _texts(self) -> list[str]:
        counts = self.column.counts
        return sorted(counts, key=lambda text: (-counts[text], text))


def kind_of(text: str) -> str | None:
    """The kind of settlement that a text names, or None."""
    said = plain(text)
    for kind, words in KINDS.items():
        if said in words:
            return kind
    return next((kind for kind, words in KINDS.items() if any(len(w) > 4 and w in said for w in words)), None)


def row_kind_of(text: str, column: str) -> str | None:
    """The same for a row of postings, which may be an invoice."""
    said = plain(text)
    if plain(column) == "transtype" and said in _TRANSTYPE:
        return _TRANSTYPE[said]
    if said in _INVOICES:
        return INVOICE
    known = kind_of(text)
    return INVOICE if known is None and any(len(word) > 4 and word in said for word in _INVOICES) else known


def find_kinds(columns: Sequence[Column]) -> Kinds | None:
    """The column that says what kind of settlement each row is: of those with few different texts, most of them known,
    the one with the most kinds; its name counts where two have as many."""
    best: tuple[tuple[int, float], Kinds] | None = None
    for column in columns:
        if not 0 < column.distinct <= _MOST or column.dates or (column.number and column.number.fractions):
            continue
        found = _sides(column) or _by_words(column)
        known = sum(column.counts[text] for text in found.words)
        if known < _KNOWN * column.filled:
            continue
        rank = (len(set(found.words.values())), named("row_kind", column.name))
        if rank == (1, 0.0):  # ways to pay, most likely, of which tomorrow there may be another
            continue
        if best is None or rank > best[0]:
            best = (rank, found)
    return best[1] if best else None


def _by_words(column: Column) -> Kinds:
    words = {text: _settling(text, column.name) for text in column.counts}
    known = {text: word for text, word in words.items() if word is not None}
    return Kinds(column, known, [text for text in column.counts if text not in known])


def _settling(text: str, column: str) -> str | None:
    number = _TRANSTYPE.get(plain(text)) if plain(column) == "transtype" else None
    return number if number not in (None, INVOICE) else kind_of(text)


def _sides(column: Column) -> Kinds | None:
    """Debit and credit: what is on the credit side lowers the debt, what is on the other takes that back."""
    said = {plain(text): text for text in column.counts}
    for debit, credit in _SIDES:
        if set(said) == {debit, credit}:
            return Kinds(column, {said[credit]: "payment", said[debit]: "reversal"}, ())
    return None


def find_row_kinds(columns: Sequence[Column]) -> Kinds | None:
    """The column of a table of postings that says which rows are invoices; None where all of them may be."""
    for column in sorted(columns, key=lambda each: -named("row_kind", each.name)):
        if not named("row_kind", column.name) or not 1 < column.distinct <= _MOST:
            continue
        words = {text: word for text in column.counts if (word := row_kind_of(text, column.name))}
        known = sum(column.counts[text] for text in words)
        invoices = sum(column.counts[text] for text, word in words.items() if word == INVOICE)
        if known >= 0.9 * column.filled and invoices >= 0.1 * column.filled and invoices < column.filled:
            return Kinds(column, words, [text for text in column.counts if text not in words])
    return None
