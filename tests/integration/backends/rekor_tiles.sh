#!/bin/sh
# Rekor on tiles (version 2), in the foreground: one directory, a key of its own, no witnesses.
# The program is `posix` of github.com/sigstore/rekor-tiles/v2/cmd/rekor-server.  PORT (HTTP), GRPC_PORT, METRICS_PORT, DIR.
set -eu
mkdir -p "$DIR/log"
[ -f "$DIR/key.pem" ] || openssl genpkey -algorithm ed25519 -out "$DIR/key.pem"
openssl pkey -in "$DIR/key.pem" -pubout -out "$DIR/public.pem"
exec posix serve --http-port "$PORT" --grpc-port "$GRPC_PORT" --http-metrics-port "$METRICS_PORT" --hostname rekor-tiles-test \
    --storage-dir "$DIR/log" --signer-filepath "$DIR/key.pem" --persistent-antispam \
    --checkpoint-interval 1s --batch-max-age 200ms
