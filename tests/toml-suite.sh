#!/bin/bash
# Judges our TOML reader by the public toml-test suite, version 1.0.0 of the language.  Needs Go, and its module proxy once;
# so it is not part of `make test`.
#     tests/toml-suite.sh [BUILD_DIR]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
work=$build/toml-suite
ninja -C "$build" tests/toml_decoder >/dev/null
decoder=$(realpath "$build/tests/toml_decoder")
mkdir -p "$work"
cat >"$work/go.mod" <<'MOD'
module toml-suite
go 1.23
require github.com/toml-lang/toml-test v1.6.0
// The suite asks for a version between releases, which not every proxy keeps.
replace github.com/BurntSushi/toml => github.com/BurntSushi/toml v1.6.0
MOD
cd "$work"
[ -x toml-test ] || {
    go get github.com/toml-lang/toml-test/cmd/toml-test@v1.6.0
    go build -o toml-test github.com/toml-lang/toml-test/cmd/toml-test
}
./toml-test -toml 1.0.0 "$decoder"
