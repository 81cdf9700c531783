#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# HashiCorp Vault (or OpenBao, as VAULT=bao) in memory, without a seal to open: PORT, and the root token "root".
set -eu
exec "${VAULT:-vault}" server -dev -dev-no-store-token -dev-root-token-id=root -dev-listen-address="127.0.0.1:$PORT"
