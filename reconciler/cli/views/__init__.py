"""Values become text, markdown or JSON here, and nowhere else; free text passes the escaper of its view."""
