#!/bin/sh
# Trillian's log server, in the foreground, on the database that mariadb.sh serves.  PORT (gRPC), HTTP_PORT, DATABASE_PORT.
set -eu
exec trillian_log_server --mysql_uri="test:test@tcp(127.0.0.1:$DATABASE_PORT)/test" --rpc_endpoint="127.0.0.1:$PORT" \
    --http_endpoint="127.0.0.1:$HTTP_PORT"
