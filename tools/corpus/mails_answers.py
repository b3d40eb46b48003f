"""Answers as mail programs write them: what a customer newly wrote is the part that an agent sees."""

from common import head

NEW = "Masih mati, Pak. Mohon dicek."
QUOTED = "> Apakah modem sudah dinyalakan ulang?\n> Salam"
BLOCK = "{from_}: Layanan <care@desk.example>\n{sent}: Senin, 3 Agustus 2026 11.00\n{to}: Budi\n{subject}: Internet mati\n\nlama"


def texts():
    """Name, body, what is new."""
    def below(line):
        return f"{NEW}\n\n{line}\n\n{QUOTED}\n"

    english = BLOCK.format(from_="From", sent="Sent", to="To", subject="Subject")
    indonesian = BLOCK.format(from_="Dari", sent="Dikirim", to="Kepada", subject="Subjek")
    yield "gmail-english", below("On Mon, Aug 3, 2026 at 11:00 AM Layanan <care@desk.example> wrote:"), NEW
    yield "gmail-english-folded", below("On Mon, Aug 3, 2026 at 11:00 AM Layanan Pelanggan yang panjang\n"
                                        "<care@desk.example> wrote:"), NEW
    yield "gmail-indonesian", below("Pada Sen, 3 Agu 2026 pukul 11.00 Layanan <care@desk.example> menulis:"), NEW
    yield "gmail-indonesian-long", below("Pada tanggal Sen, 3 Agu 2026 pukul 11.00 Layanan\n"
                                         "<care@desk.example> menulis:"), NEW
    yield "gmail-old", below("2026-08-03 11:00 GMT+07:00 Layanan <care@desk.example>:"), NEW
    yield "apple-english", below("On 3 Aug 2026, at 11.00, Layanan <care@desk.example> wrote:"), NEW
    yield "apple-indonesian", below("Pada 3 Agt 2026, pukul 11.00, Layanan <care@desk.example> menulis:"), NEW
    yield "thunderbird", below("On 8/3/26 11:00, Layanan wrote:"), NEW
    yield "thunderbird-indonesian", below("Pada 03/08/26 11.00, Layanan menulis:"), NEW
    yield "yahoo-english", f"{NEW}\n\nOn Monday, August 3, 2026 at 11:00:00 AM GMT+7, Layanan " \
        "<care@desk.example> wrote:\n\nApakah modem sudah dinyalakan ulang?\n", NEW
    yield "yahoo-indonesian", f"{NEW}\n\nPada Senin, 3 Agustus 2026 11.00.00 WIB, Layanan " \
        "<care@desk.example> menulis:\n\nApakah modem sudah dinyalakan ulang?\n", NEW
    yield "outlook-english", f"{NEW}\n\n{english}\n", NEW
    yield "outlook-indonesian", f"{NEW}\n\n{indonesian}\n", NEW
    yield "outlook-ruled", f"{NEW}\n\n________________________________\n{english}\n", NEW
    yield "outlook-starred", f"{NEW}\n\n*From:* Layanan <care@desk.example>\n*Sent:* Senin\n*To:* Budi\n" \
        "*Subject:* Internet mati\n\nlama\n", NEW
    yield "outlook-original-message", f"{NEW}\n\n-----Original Message-----\n{english}\n", NEW
    yield "original-message-indonesian", f"{NEW}\n\n-----Pesan Asli-----\n{indonesian}\n", NEW
    yield "zimbra", f"{NEW}\n\n----- Original Message -----\nFrom: care@desk.example\nTo: Budi\nSent: Senin\n\nlama\n", NEW
    yield "roundcube", below("Pada 2026-08-03 11:00, Layanan menulis:"), NEW
    yield "samsung", f"{NEW}\n\n-------- Original message --------\nFrom: Layanan <care@desk.example>\nDate: 3/8/26\n\nlama\n", NEW
    yield "samsung-indonesian", f"{NEW}\n\n-------- Pesan asli --------\nDari: Layanan\nTanggal: 3/8/26\n\nlama\n", NEW
    yield "german", below("Am 03.08.26 um 11:00 schrieb Layanan:"), NEW
    yield "french", below("Le lun. 3 août 2026 à 11:00, Layanan <care@desk.example> a écrit :"), NEW
    yield "below", f"On Mon, Aug 3, 2026, Layanan wrote:\n> Sudah dicoba?\n\n{NEW}\n", NEW
    yield "between", "On Mon, Aug 3, 2026, Layanan wrote:\n> Sudah dicoba?\nSudah.\n> Lampunya merah?\nYa, merah.\n", \
        "Sudah.\nYa, merah."
    yield "nested", f"{NEW}\n\nOn Mon, Layanan wrote:\n> halo\n>> dulu\n>>> sekali\n", NEW
    yield "signature", f"{NEW}\n\n-- \nBudi Santoso\nPT Maju Jaya\n0812-3456-7890\n", NEW
    yield "signature-no-blank", f"{NEW}\n--\nBudi\n", NEW
    yield "signature-then-quotation", f"{NEW}\n\n-- \nBudi\n\nOn Mon, Aug 3, 2026, Layanan wrote:\n> lama\n", NEW
    yield "iphone", f"{NEW}\n\nSent from my iPhone\n", NEW
    yield "iphone-indonesian", f"{NEW}\n\nDikirim dari iPhone saya\n", NEW
    yield "outlook-app", f"{NEW}\n\nGet Outlook for Android\n", NEW
    yield "yahoo-app", f"{NEW}\n\nDikirim dari Yahoo Mail di Android\n", NEW
    yield "forward", "Tolong ini.\n\n---------- Forwarded message ---------\nFrom: c@d.example\n\nIsi penting\n", \
        "Tolong ini.\n\n---------- Forwarded message ---------\nFrom: c@d.example\n\nIsi penting"
    yield "forward-apple", "Lihat.\n\nBegin forwarded message:\n\nFrom: c@d.example\nSubject: x\nDate: y\n\nIsi\n", \
        "Lihat.\n\nBegin forwarded message:\n\nFrom: c@d.example\nSubject: x\nDate: y\n\nIsi"
    yield "only-quotation", f"{QUOTED}\n", QUOTED
    yield "on-in-prose", "On Monday I wrote: internet mati.\nBelum ada jawaban.\n", \
        "On Monday I wrote: internet mati.\nBelum ada jawaban."
    yield "from-in-prose", "From: saya hanya mau tanya\nkapan teknisi datang?\n", \
        "From: saya hanya mau tanya\nkapan teknisi datang?"
    yield "list-of-dashes", "Pilihan:\n- satu\n- dua\n", "Pilihan:\n- satu\n- dua"
    yield "mailing-list-footer", f"{NEW}\n\n_______________________________________________\nWarga mailing list\n" \
        "Warga@lists.example\nhttps://lists.example/mailman/listinfo/warga\n", NEW
    yield "confidentiality", f"{NEW}\n\nDISCLAIMER: This email and any attachments are confidential.\n" \
        "If you are not the intended recipient, delete it.\n", NEW
    yield "confidentiality-indonesian", f"{NEW}\n\nPERNYATAAN: Email ini bersifat rahasia dan hanya untuk penerima\n" \
        "yang dituju.\n", NEW


def htmls():
    """Name, HTML, what is new."""
    old = "<p>Apakah modem sudah dinyalakan ulang?</p>"
    yield "gmail", f'<div dir="ltr">{NEW}</div><br><div class="gmail_quote"><div class="gmail_attr">Pada Sen, ' \
        f'3 Agu 2026 pukul 11.00 Layanan menulis:<br></div><blockquote class="gmail_quote">{old}</blockquote></div>'
    yield "gmail-new-class", f'<div dir="ltr">{NEW}</div><div class="gmail_quote gmail_quote_container">{old}</div>'
    yield "outlook-app", f'<div>{NEW}</div><div id="divRplyFwdMsg"><b>From:</b> Layanan</div><div>{old}</div>'
    yield "outlook-appendonsend", f'<div>{NEW}</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">' \
        f"<b>Dari:</b> Layanan</div>{old}"
    yield "outlook-desktop", f'<p class="MsoNormal">{NEW}</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;' \
        f'padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>From:</b> Layanan &lt;care@desk.example&gt;<br>' \
        f"<b>Sent:</b> Monday<br><b>To:</b> Budi<br><b>Subject:</b> x</p></div>{old}"
    yield "yahoo", f'<div>{NEW}</div><div id="ymail_android_signature">Sent from Yahoo Mail</div>' \
        f'<div class="yahoo_quoted">{old}</div>'
    yield "apple", f'<body>{NEW}<br><blockquote type="cite"><div>On 3 Aug 2026, at 11.00, Layanan wrote:</div>{old}' \
        "</blockquote></body>"
    yield "thunderbird", f'<p>{NEW}</p><div class="moz-cite-prefix">On 8/3/26 11:00, Layanan wrote:</div>' \
        f'<blockquote type="cite">{old}</blockquote>'
    yield "proton", f'<div>{NEW}</div><div class="protonmail_quote">On Monday, Layanan wrote:<blockquote>{old}' \
        "</blockquote></div>"
    yield "zimbra", f'<div>{NEW}</div><hr id="zwchr"><div><b>From: </b>Layanan</div>{old}'


def make(mails):
    # The original stood in a thread.
    extra = ["In-Reply-To: <lama@desk.example>", "Content-Type: text/plain; charset=utf-8"]
    for name, body, new in texts():
        raw = head("Re: Internet mati", id=f"{name}@q.example", extra=extra) + "\n" + body
        full = body.rstrip()
        mails.add(f"quote-{name}", raw, {"text": new, "full_text": full, "joins": ["lama@desk.example"]})
    extra[1] = "Content-Type: text/html; charset=utf-8"
    for name, html, in ((name, html) for name, html in htmls()):
        raw = head("Re: Internet mati", id=f"{name}@qh.example", extra=extra) + "\n" + html + "\n"
        mails.add(f"quote-html-{name}", raw, {"text": NEW, "kind": "New"})
