#!/bin/sh
# aiosmtpd, in the foreground: a mail server that keeps what it gets as a Maildir in DIR/mail.  PORT; PYTHON has it installed.
set -eu
exec "$PYTHON" -m aiosmtpd -n -l "127.0.0.1:$PORT" -c aiosmtpd.handlers.Mailbox "$DIR/mail"
