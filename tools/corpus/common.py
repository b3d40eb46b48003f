"""What the makers of samples share: where samples stand, and how Python's own `email` reads a mail.

Nothing here runs or reads our parser. An expectation is what a maker wrote down, beside what Python's `email` reads;
where the two differ and the maker does not say why, making fails.
"""

import email
import email.policy
import json
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[2] / "crates" / "channels" / "tests" / "data"


def write(folder, name, ending, content, expected_ending, expected):
    """Stores one sample and what it must be read as."""
    place = DATA / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}{ending}").write_bytes(content)
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (place / f"{name}{expected_ending}").write_text(text + "\n", encoding="utf-8")


def lines(text):
    """One kind of line end, nothing blank at the end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip()


def by_python(raw):
    """What Python's `email` reads: the fields it is good at. One that it can't read at all is left out."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    readers = {"subject": subject, "from_name": lambda m: sender(m).display_name,
               "from_address": lambda m: sender(m).addr_spec or None, "source_id": own_id, "sent_at_ms": sent_at,
               "full_text": full_text}
    found = {}
    for field, reader in readers.items():
        try:
            value = reader(message)
        except (LookupError, IndexError, ValueError, TypeError, AttributeError):
            continue
        if value is not None:
            found[field] = value
    return found


def subject(message):
    return str(message["subject"] or "").strip()


def sender(message):
    return message["from"].addresses[0]


def own_id(message):
    return str(message["message-id"]).strip().strip("<>") if message["message-id"] else None


def sent_at(message):
    written = message["date"].datetime
    return int(written.timestamp()) * 1000 if written.tzinfo else None


def full_text(message):
    plain = message.get_body(("plain",))
    return None if plain is None or plain.is_attachment() else lines(plain.get_content())


class Mails:
    """Collects mails; each is stored with the expectation that its maker and Python agree on."""

    def __init__(self):
        self.names = set()
        self.disagreements = []

    def add(self, name, raw, expected, python=(), differs=()):
        """`python`: fields to take from Python. `differs`: fields in which Python is known to read otherwise."""
        assert name not in self.names, name
        self.names.add(name)
        raw = raw.encode("utf-8") if isinstance(raw, str) else raw
        read = by_python(raw)
        expected = {field: read[field] for field in python} | expected
        for field, value in read.items():
            known = differs == "all" or field in differs
            if field in expected and not known and expected[field] != value:
                self.disagreements.append(f"{name}: {field}: {expected[field]!r}; Python: {value!r}")
        write("mail", name, ".eml", raw, ".json", expected)


def head(subject="Keluhan", sender="Budi <budi@b.example>", id=None, extra=(), mime=True):
    """A usual header, without the blank line."""
    fields = [f"From: {sender}", "To: care@desk.example", f"Subject: {subject}"]
    if id is not None:
        fields.append(f"Message-ID: <{id}>")
    if mime:
        fields.append("MIME-Version: 1.0")
    return "".join(line + "\n" for line in [*fields, *extra])
