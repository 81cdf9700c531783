#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Temporal's development server, with its data in DIR: gRPC on PORT, its HTTP interface on HTTP_PORT, metrics on METRICS_PORT.
set -eu
exec "${TEMPORAL:-temporal}" server start-dev --ip 127.0.0.1 --port "$PORT" --http-port "$HTTP_PORT" \
    --metrics-port "$METRICS_PORT" --headless --db-filename "$DIR/temporal.db" --log-level error
