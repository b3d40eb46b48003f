"""Mails that machines write: bounces of many servers, automatic answers, receipts, lists."""

from common import head

OURS = "case.tenesa.42.n2.00112233445566778899aabbccddeeff@desk.example"
SIGNED = [{"desk": "tenesa", "case": 42, "nonce": "n2", "signature": "00112233445566778899aabbccddeeff"}]
ORIGINAL = f"From: care@desk.example\nTo: budi@b.example\nMessage-ID: <{OURS}>\nSubject: Re: Internet mati\n\nIsi balasan\n"


def report(name, sender, subject, text, status, enclosed="message/rfc822", extra=(), kind="delivery-status"):
    """A mail in the form of RFC 3464."""
    original = ORIGINAL if enclosed == "message/rfc822" else ORIGINAL.split("\n\n")[0] + "\n"
    fields = ["Return-Path: <>", *extra,
              f'Content-Type: multipart/report; report-type={kind}; boundary="r"']
    parts = [f"Content-Type: text/plain; charset=utf-8\n\n{text}\n", f"Content-Type: message/{kind}\n\n{status}\n",
             f"Content-Type: {enclosed}\n\n{original}"]
    return head(subject, sender, f"{name}@mta.example", fields) + "\n" + "".join(f"--r\n{p}\n" for p in parts) + "--r--\n"


def dsn(code, action="failed", diagnostic="550 no such user"):
    return (f"Reporting-MTA: dns; mx.b.example\nArrival-Date: Mon, 3 Aug 2026 10:00:00 +0700\n\nFinal-Recipient: rfc822; "
            f"budi@b.example\nAction: {action}\nStatus: {code}\nDiagnostic-Code: smtp; {diagnostic}\n")


def bounced(code, kind="Bounce", action="failed"):
    return {"kind": kind, "automatic": True, "joins": [OURS], "signed": SIGNED,
            "facts_include": {"bounce_action": action, "bounce_status": code, "bounce_permanent": code[0] != "4"}}


def reports(mails):
    daemon = "Mail Delivery System <MAILER-DAEMON@mx.b.example>"
    postmaster = "postmaster@b.example"
    table = [
        # name, sender, subject, code, enclosed, further fields
        ("postfix", daemon, "Undelivered Mail Returned to Sender", "5.1.1", "message/rfc822",
         ["Auto-Submitted: auto-replied"]),
        ("exchange-online", "Microsoft Outlook <MicrosoftExchange329e@b.example>", "Undeliverable: Re: Internet mati",
         "5.1.10", "message/rfc822", ["Auto-Submitted: auto-replied", "X-MS-Exchange-Message-Is-Ndr: "]),
        ("exchange-indonesian", postmaster, "Tidak dapat dikirim: Re: Internet mati", "5.2.2", "message/rfc822", []),
        ("gmail", "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
         "Delivery Status Notification (Failure)", "5.1.1", "message/rfc822", ["Auto-Submitted: auto-replied"]),
        ("sendmail", "Mail Delivery Subsystem <MAILER-DAEMON@b.example>",
         "Returned mail: see transcript for details", "5.1.1", "text/rfc822-headers", ["Auto-Submitted: auto-generated (failure)"]),
        ("ses", "MAILER-DAEMON@ses.example", "Delivery Status Notification (Failure)", "5.7.1", "message/rfc822", []),
        ("zimbra", "MAILER-DAEMON@zimbra.example (Mail Delivery System)", "Undelivered Mail Returned to Sender",
         "5.7.0", "text/rfc822-headers", []),
        ("quota", daemon, "Undelivered Mail Returned to Sender", "5.2.2", "message/rfc822", []),
        ("temporary-gave-up", daemon, "Undelivered Mail Returned to Sender", "4.4.1", "message/rfc822", []),
    ]
    for name, sender, subject, code, enclosed, extra in table:
        raw = report(f"bounce-{name}", sender, subject, "Your message was not delivered.", dsn(code), enclosed, extra)
        mails.add(f"bounce-{name}", raw, bounced(code))
    raw = report("bounce-delay-postfix", daemon, "Delayed Mail (still being retried)", "Your message is delayed.",
                 dsn("4.4.1", "delayed", "connect timed out"))
    mails.add("bounce-delay-postfix", raw, bounced("4.4.1", "Automatic", "delayed"))
    raw = report("bounce-relayed", daemon, "Successful Mail Delivery Report", "Your message was relayed.",
                 dsn("2.1.5", "relayed", "250 ok"))
    mails.add("bounce-relayed", raw, {"kind": "Automatic", "automatic": True, "joins": [OURS]})
    two = dsn("4.2.0", "delayed") + "\nFinal-Recipient: rfc822; siti@b.example\nAction: failed\nStatus: 5.1.1\n"
    raw = report("bounce-two-people", daemon, "Undelivered Mail Returned to Sender", "x", two)
    mails.add("bounce-two-people", raw, bounced("5.1.1"))
    raw = report("bounce-global", daemon, "Undelivered Mail", "x", dsn("5.1.1")).replace(
        "message/delivery-status", "message/global-delivery-status")
    mails.add("bounce-global", raw, bounced("5.1.1"))


def plain_bounces(mails):
    table = [
        # name, sender, subject, body, code
        ("qmail", "MAILER-DAEMON@mx.c.example", "failure notice",
         "Hi. This is the qmail-send program at mx.c.example.\nI'm afraid I wasn't able to deliver your message.\n\n"
         "<budi@b.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 unknown user\n\n"
         "--- Below this line is a copy of the message.\n\n" + ORIGINAL, "5.1.1"),
        ("exim", "Mail Delivery System <Mailer-Daemon@mx.c.example>", "Mail delivery failed: returning message to sender",
         "A message that you sent could not be delivered.\n\n  budi@b.example\n    host mx [192.0.2.1]: 550 5.7.1 "
         "rejected\n\n------ This is a copy of the message, including all the headers. ------\n\n" + ORIGINAL, "5.7.1"),
        ("mail-ru", "mailer-daemon@corp.mail.ru.example", "Mail failure.",
         "This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
         "delivered to one or more of its recipients.\n\n**********************\n\n" + ORIGINAL, ""),
        ("yahoo", "MAILER-DAEMON@yahoo.example", "Failure Notice",
         "Sorry, we were unable to deliver your message to the following address.\n\n<budi@b.example>:\n554: delivery "
         "error: dd This user doesn't have a yahoo account\n\n--- Below this line is a copy of the message.\n\n"
         + ORIGINAL, ""),
        ("domino", "Postmaster@domino.example", "DELIVERY FAILURE: User budi (budi@b.example) not listed",
         "Your message\n\n  Subject: Re: Internet mati\n\nwas not delivered to:\n\n  budi@b.example\n\nbecause:\n\n"
         "  User budi not listed in Domino Directory\n\n" + ORIGINAL, ""),
        ("indonesian", "MAILER-DAEMON@surat.example", "Pesan gagal terkirim",
         "Pesan Anda tidak dapat dikirim.\n\n" + ORIGINAL, ""),
        ("mimecast", "postmaster@mimecast.example", "Undelivered Message: Re: Internet mati",
         "550 5.4.1 Recipient address rejected\n\n" + ORIGINAL, "5.4.1"),
    ]
    for name, sender, subject, body, code in table:
        raw = head(subject, sender, f"plain-bounce-{name}@mta.example", ["Return-Path: <>"]) + "\n" + body
        facts = {"bounce_action": "failed"} | ({"bounce_status": code} if code else {})
        mails.add(f"plain-bounce-{name}", raw, bounced("5.0.0") | {"facts_include": facts})
    # A customer who writes about a bounce is a customer.
    raw = head("Undelivered Mail Returned to Sender", id="keluhan@b.example") + "\nKenapa email saya kembali terus?\n"
    mails.add("bounce-asked-about", raw, {"kind": "New", "automatic": False}, python=("full_text",))


def automatic(mails):
    said = {"kind": "Automatic", "automatic": True, "joins": [OURS]}
    answer = [f"In-Reply-To: <{OURS}>", f"References: <{OURS}>"]
    table = [
        # name, subject, further fields, expectation
        ("sieve", "Auto: Re: Internet mati", ["Auto-Submitted: auto-replied (vacation)"], said),
        ("exchange", "Automatic reply: Internet mati", ["Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"],
         said),
        ("gmail", "Sedang cuti Re: Internet mati", ["Precedence: bulk", "X-Autoreply: yes"], said),
        ("cpanel", "Saya sedang di luar kantor", ["X-Autorespond: Internet mati", "Precedence: auto_reply"], said),
        ("indonesian", "Balasan otomatis: Internet mati", [], said),
        ("out-of-office", "Out of Office: Internet mati", [], said),
        ("zarafa", "Out of the office", ["X-Zarafa-Vacation: autorespond"], {"automatic": True}),
    ]
    for name, subject, extra, expected in table:
        raw = head(subject, id=f"auto-{name}@a.example", extra=[*answer, *extra]) + "\nSaya kembali hari Senin.\n"
        mails.add(f"auto-{name}", raw, expected)
    for name, extra, marked in [
        ("newsletter", ["List-Unsubscribe: <https://x.example/u>", "Precedence: bulk"], True),
        ("notice", ["Auto-Submitted: auto-generated"], True),
        ("noreply", [], True),
        ("person", ["Auto-Submitted: no"], False),
        ("suppressed-rn", ["X-Auto-Response-Suppress: RN, NRN"], False),
    ]:
        sender = "no-reply@toko.example" if name == "noreply" else "Budi <budi@b.example>"
        raw = head("Kabar", sender, f"machine-{name}@a.example", extra) + "\nIsi kabar.\n"
        mails.add(f"machine-{name}", raw, {"kind": "New", "automatic": marked, "full_text": "Isi kabar."})


def receipts(mails):
    def disposition(mode):
        return ("Reporting-UA: klien.example\nFinal-Recipient: rfc822;budi@b.example\n"
                f"Original-Message-ID: <{OURS}>\nDisposition: manual-action/{mode}\n")

    for name, subject, mode in [
        ("displayed", "Read: Internet mati", "MDN-sent-manually; displayed"),
        ("deleted", "Not read: Internet mati", "MDN-sent-automatically; deleted"),
        ("indonesian", "Dibaca: Internet mati", "MDN-sent-manually; displayed"),
    ]:
        raw = report(f"receipt-{name}", "Budi <budi@b.example>", subject, "Pesan sudah dibaca.", disposition(mode),
                     extra=[f"In-Reply-To: <{OURS}>"], kind="disposition-notification")
        mails.add(f"receipt-{name}", raw, {"kind": "Automatic", "automatic": True, "joins": [OURS]})
    # Some receipts name the mail only in their own part.
    raw = report("receipt-no-thread", "Budi <budi@b.example>", "Read: x", "Dibaca.",
                 disposition("MDN-sent-manually; displayed"), kind="disposition-notification")
    raw = raw.split("--r\nContent-Type: message/rfc822")[0] + "--r--\n"
    mails.add("receipt-no-thread", raw, {"kind": "Automatic", "automatic": True, "joins": [OURS], "signed": SIGNED})


def make(mails):
    reports(mails)
    plain_bounces(mails)
    automatic(mails)
    receipts(mails)
