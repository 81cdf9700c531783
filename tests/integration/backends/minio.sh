#!/bin/sh
# MinIO, in the foreground: an S3 server that checks signatures.  PORT, DIR; the keys are ACCESS and SECRET.
set -eu
mkdir -p "$DIR/data"
export MINIO_ROOT_USER="$ACCESS" MINIO_ROOT_PASSWORD="$SECRET" MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CI_CD=1 HOME="$DIR"
exec minio server --quiet --address "127.0.0.1:$PORT" --config-dir "$DIR/config" "$DIR/data"
