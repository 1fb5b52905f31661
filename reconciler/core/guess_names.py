"""How columns of receivables are called, in the languages and systems whose exports are met most.

Names are compared without case, accents, spaces and marks. Only data: no decision is made here.
"""

from __future__ import annotations

import unicodedata

_WORDS = {
    "legal_entity": """
        legalentity dataareaid dataarea company companycode companyid businesscode bukrs mandant
        buchungskreis firma gesellschaft societe societa empresa sociedad entity bedrijf spolka
        subsidiary businessunit branch filiale niederlassung organisation organization
    """,
    "invoice": """
        invoice invoiceid invoicenumber invoiceno invoicenr invoicenum invno invnum docid documentid
        documentnumber documentno docno belnr rechnungsnummer rechnung rechnungsnr rechnungnr rechnr
        belegnummer belegnr beleg numerofacture numfacture nofacture facture factura numerofactura
        numfactura nrofactura fattura numerofattura nfattura factuurnummer factuur factuurnr faktura
        numerfaktury nrfaktury fatura numerofatura voucher
    """,
    "instalment": """
        instalment installment instalmentno installmentnumber instalmentnumber rate ratennummer ratennr
        teilzahlung buzei scheduleno schedulenumber termin tranche cuota rata
    """,
    "customer": """
        customer customerid customernumber customerno customercode customeraccount cust custno custnum custnumber custid
        custaccount accountnum accountnumber account accountno invoiceaccount orderaccount kunnr kunde
        kundennummer kundennr kundenid kundenkonto debitor debitornr debitorennummer debitorennr
        debitorenkonto client clientid codeclient numeroclient clientcode cliente codigocliente idcliente
        codicecliente klant klantnummer klantnr kontrahent klient payer buyer billto debtor debtorid
    """,
    "invoice_date": """
        invoicedate documentdate docdate documentcreatedate baselinecreatedate bldat budat postingdate
        transdate transactiondate issuedate dateissued issued billingdate billdate invoiced rechnungsdatum
        belegdatum buchungsdatum datumrechnung ausstellungsdatum datefacture datedefacture dateemission
        fechafactura fechaemision fechadefactura datafattura dataemissione factuurdatum dataemissao
        datawystawienia datafatura
    """,
    "due_date": """
        duedate due dueindate netduedate datedue faedt zfbdt netdt faelligkeit falligkeit faelligkeitsdatum
        falligkeitsdatum faellig fallig faelligam falligam zahlbarbis echeance dateecheance datedecheance
        vencimiento fechavencimiento fechadevencimiento scadenza datascadenza vervaldatum vencimento
        datavencimento terminplatnosci payby paymentdue maturity maturitydate termsdate
    """,
    "terms": """
        terms term termscode termdays paymentterms paymentterm paymtermid paymentdays creditterms creditdays netdays
        netterms duedays dayscredit invoiceterms termsofpayment zahlungsziel zahlungsbedingung zahlungsbedingungen
        zahlungskondition zahlungskonditionen zahlungsfrist ziel zieltage nettotage zterm zbd3t conditions
        conditionspaiement conditionsdepaiement delaipaiement delaidepaiement condicionespago condicionesdepago
        plazopago terminipagamento condizionipagamento betaaltermijn betalingsconditie terminplatnosci
    """,
    "settled_date": """
        settleddate settledate datesettled settlementdate settled lastsettledate closed closeddate closedate
        closedon cleardate cleareddate clearingdate augdt paiddate datepaid paid paidon paymentdate
        paymentreceived zahlungsdatum zahldatum bezahltam bezahlt ausgleichsdatum ausgleich zahlungseingang
        zahlungam datepaiement datedepaiement datereglement reglement paiement fechapago fechadepago pago
        datapagamento pagamento betaaldatum betaald betaaldop datazaplaty
    """,
    "amount": """
        amount invoiceamount amountcur totalamount totalopenamount amountincurrency grossamount gross betrag
        rechnungsbetrag summe brutto bruttobetrag wrbtr montant montantttc montantfacture importe
        importetotal importo bedrag valor valorfatura kwota kwotabrutto total invoicetotal value
    """,
    "currency": """
        currency currencycode invoicecurrency curr ccy waers wahrung waehrung wahrungscode devise monnaie
        moneda divisa valuta moeda waluta whg wkz
    """,
    "accounting_amount": """
        accountingamount amountmst amountaccounting amountaccountingcurrency dmbtr localamount amountlocal
        amountlcy amountinlocalcurrency amountinlocalcurr amountinlc localcurrencyamount betraginhauswahrung
        betraghw hauswahrung baseamount basecurrencyamount reportingamount
    """,
    "open_amount": """
        openamount remainamountcur remainamount remainingamount remaining openbalance balance outstanding
        outstandingamount amountdue offen offenerbetrag restbetrag offenbetrag saldo solde restantdu
        pendiente importependiente residuo openstaand
    """,
    "delivery": """
        delivery deliverymethod deliverymode paperlessbill paperless billdelivery dlvmode sendmethod sentby
        sendingmethod versand versandart versandweg zustellung envoi modeenvoi envio invio verzending
        channel
    """,
    "disputed": """
        disputed dispute indispute isdisputed streitfall strittig streitig reklamation reklamiert litige
        enlitige disputa endisputa contestazione contestata betwist sporna
    """,
    "country": """
        country countrycode countryregion countryregionid customercountry land landcode landkz land1
        laendercode landercode pays codepays pais codigopais paese nazione kraj
    """,
    "source_id": """
        transrecid custtransrecid refrecid invoicerecid invoiceid invoiceentryno custledgerentryno
        appliestoentryno appliedcustledgerentryno moveid invoicemoveid invoicekey invoicerowid rechnungsid
        belegid idfacture idfactura idfattura
    """,
    "applied_to": """
        appliedto applyto applied appliestodocno appliestodoc appliestoid appliedinvoice reference referenceno ref refno
        zurechnung rechnungsreferenz referenz referenznr bezug bezugsbeleg rebzg invoicereference settledinvoice
        paidinvoice relatedinvoice relateddocument referencefacture referencia referenciafactura riferimento
        riferimentofattura referentie betalingskenmerk referencja
    """,
    "offset_id": """
        offsetrecid offsettransrecid offsetid offsetentryno paymentrecid paymententryno
    """,
    "row_kind": """
        transtype transactiontype documenttype doctype typeofdocument belegart blart vorgangsart buchungsart
        typedocument typedepiece tipodocumento tipodocument documentsoort typdokumentu type typ art
    """,
    "settled_amount": """
        settleamountcur settleamount settledamount settlementamount amountsettled paidamount amountpaid
        paymentamount amountapplied appliedamount amountreceived receivedamount applied paid zahlbetrag
        zahlungsbetrag zahlungssumme gezahlt ausgeglichen ausgleichsbetrag bezahlt montantregle montantpaye
        montantpaiement montantreglement importepagado importecobrado importopagato importopagamento
        importoincassato betaaldbedrag bedragbetaald valorpago kwotazapaty kwotawpaty sum
    """,
    "paid_on": """
        paidon paiddate datepaid paymentdate dateofpayment settledate settlementdate settleddate valuedate valuta
        valutadatum wertstellung receiptdate datereceived receivedon depositdate transdate transactiondate
        transdate zahlungsdatum zahldatum zahltag bezahltam zahlungam zahlungseingang eingangsdatum datum date
        postingdate buchungsdatum budat bldat documentdate belegdatum augdt clearingdate applieddate
        dateapplied applicationdate datepaiement datedepaiement datereglement datedereglement datevaleur
        fechapago fechadepago fechacobro fechavalor datapagamento dataincasso dataregistrazione datavaluta
        betaaldatum betaaldop datapagto datazapaty datawpaty
    """,
    "recorded_on": """
        recordedon recorded recordeddate daterecorded bookedon booked bookingdate entered enteredon entrydate
        dateentered gldate posteddate postedon posteddatetime createddatetime createdon createdat createddate
        creationdate createdate writedate postingdate buchungsdatum gebuchtam gebucht erfasst erfasstam erfassungsdatum
        erfassung cpudt budat angelegtam datesaisie datecomptable datecreation datecomptabilisation
        fechacontable fecharegistro datacontabile dataregistrazione boekdatum boekingsdatum datalancamento
        dataksiegowania timestamp
    """,
    "customer_group": """
        customergroup custgroup group customergroupid customerclass customersegment segment customertype
        kundengruppe debitorengruppe kdgrp ktokd kontengruppe groupeclient groupeclients categorieclient
        grupocliente grupoclientes gruppocliente gruppoclienti klantgroep klantengroep grupodeclientes
        grupaklientow grupa industry branche customerpostinggroup category categoryid customercategory
    """,
    "customer_since": """
        customersince since clientsince accountopened opened openedon dateopened opendate createddatetime
        createdon createdat createddate creationdate createdate datecreated signupdate kundeseit kundeab angelegtam
        erfasstam erdat anlagedatum eroffnet clientdepuis datecreation dateouverture clientedesde fechaalta
        fechacreacion clientedal datacreazione klantsinds aanmaakdatum clientedesdedata klientod datautworzenia
    """,
}
_CURRENCIES = """
AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW MAD MXN MYR
NOK NZD PEN PHP PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR
"""
_COUNTRIES = """
AE AR AT AU BE BG BR CA CH CL CN CO CZ DE DK EE EG ES FI FR GB GR HK HR HU ID IE IL IN IT JP KR LT
LU LV MA MX MY NL NO NZ PE PH PL PT QA RO RS RU SA SE SG SI SK TH TR TW UA US VN ZA ARE ARG AUS AUT
BEL BGR BRA CAN CHE CHL CHN COL CZE DEU DNK EGY ESP EST FIN FRA GBR GRC HKG HRV HUN IDN IND IRL ISR
ITA JPN KOR LTU LUX LVA MAR MEX MYS NLD NOR NZL PER PHL POL PRT QAT ROU RUS SAU SGP SRB SVK SVN SWE
THA TUR TWN UKR USA VNM ZAF
"""
_DELIVERIES = """
brief cartacea e-invoice e-mail edi einvoice electronic electronico electronique elektronisch
elettronica email fax letter mail papel paper papier pdf peppol portal post postal print printed xml
"""

NAMES = {role: frozenset(words.split()) for role, words in _WORDS.items()}
CURRENCIES = frozenset(_CURRENCIES.split())
COUNTRIES = frozenset(_COUNTRIES.split())
DELIVERIES = frozenset(_DELIVERIES.split())


def plain(name: str) -> str:
    """A name without case, accents, spaces and marks: `Fälligkeits-Datum` → `falligkeitsdatum`."""
    folded = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss"))
    return "".join(letter for letter in folded if letter.isascii() and letter.isalnum())


def named(role: str, name: str) -> float:
    """How well a header names a role: 1 for a known name, 0.5 where it holds one of six letters or more, else 0."""
    text = plain(name)
    if text in NAMES[role]:
        return 1.0
    return 0.5 if any(len(word) > 5 and word in text for word in NAMES[role]) else 0.0
