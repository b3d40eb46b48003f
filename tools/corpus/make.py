"""Makes the samples of mail, X, Facebook and call lists under crates/channels/tests/data, each with what it has to
be read as. Run by hand after a change here: `python3 tools/corpus/make.py`, or with a folder to make them there.
What stands there by other names was written by hand and is left alone."""

import pathlib
import sys

import calls
import common
import facebook
import mails_answers
import mails_charsets
import mails_machines
import mails_shapes
import x

if len(sys.argv) > 1:
    common.DATA = pathlib.Path(sys.argv[1])
mails = common.Mails()
for maker in (mails_charsets, mails_shapes, mails_answers, mails_machines):
    maker.make(mails)
if mails.disagreements:
    raise SystemExit("\n".join(mails.disagreements))
print(f"{len(mails.names)} mails")
print(f"{x.make()} deliveries of X, {facebook.make()} of Facebook, {calls.make()} call lists")
