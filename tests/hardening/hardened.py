#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hardened.py - holds a built program or library to how it must be hardened; reads the ELF file itself.

    hardened.py [--fortified] FILE...

Position independent, addresses resolved at the start and read-only from then on (full RELRO), no page both writable and
executable, no executable stack, no search path of its own; functions with arrays watch their stack; with --fortified,
calls that write to memory of known size are checked ones.  On x86-64 functions are branch targets (CET).
"""

import struct
import sys

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
DT_NEEDED, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_RPATH, DT_TEXTREL, DT_BIND_NOW, DT_RUNPATH, DT_FLAGS, DT_FLAGS_1 = (
    1, 5, 6, 10, 15, 22, 24, 29, 30, 0x6FFFFFFB)
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 0x4, 0x8, 0x1, 0x08000000
ET_DYN, EM_X86_64 = 3, 62
PF_X, PF_W = 1, 2
ENDBR64 = b"\xf3\x0f\x1e\xfa"


class Elf:
    """A 64-bit little-endian ELF file: its segments, its dynamic entries, the names that it imports or exports."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        assert self.bytes[:6] == b"\x7fELF\x02\x01", f"{path} is no 64-bit little-endian ELF file"
        self.type, self.machine = struct.unpack_from("<HH", self.bytes, 16)
        self.entry, segments_at = struct.unpack_from("<QQ", self.bytes, 24)
        size, count = struct.unpack_from("<HH", self.bytes, 54)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.bytes, segments_at + i * size) for i in range(count)]
        self.dynamic = list(self._dynamic())

    def _dynamic(self):
        for kind, _, offset, _, _, size, _, _ in self.segments:
            if kind == PT_DYNAMIC:
                for at in range(offset, offset + size, 16):
                    tag, value = struct.unpack_from("<qQ", self.bytes, at)
                    if tag == 0:
                        return
                    yield tag, value

    def flags(self, kind):
        return [s[1] for s in self.segments if s[0] == kind]

    def value(self, tag):
        return next((v for t, v in self.dynamic if t == tag), 0)

    def has(self, tag):
        return any(t == tag for t, _ in self.dynamic)

    def at_address(self, address):
        for kind, _, offset, start, _, size, _, _ in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise AssertionError(f"nothing is loaded at {address:#x}")

    def symbols(self):
        """All dynamic names: the table of strings has nothing else of interest."""
        start = self.at_address(self.value(DT_STRTAB))
        return {name.decode() for name in self.bytes[start : start + self.value(DT_STRSZ)].split(b"\0")}


def faults(elf, fortified):
    program = bool(elf.flags(PT_INTERP))
    symbols = elf.symbols()
    yield elf.type != ET_DYN or (program and not elf.value(DT_FLAGS_1) & DF_1_PIE), "is not position independent"
    yield not elf.flags(PT_GNU_RELRO), "has no part that becomes read-only after relocation"
    yield not (elf.has(DT_BIND_NOW) or elf.value(DT_FLAGS) & DF_BIND_NOW or elf.value(DT_FLAGS_1) & DF_1_NOW), (
        "resolves functions when they are first called, so the table of their addresses stays writable")
    yield elf.has(DT_TEXTREL) or elf.value(DT_FLAGS) & DF_TEXTREL, "relocates its own code"
    yield not elf.flags(PT_GNU_STACK) or any(f & PF_X for f in elf.flags(PT_GNU_STACK)), "has an executable stack"
    yield any(f & PF_X and f & PF_W for f in elf.flags(PT_LOAD)), "has a page both writable and executable"
    yield elf.has(DT_RPATH) or elf.has(DT_RUNPATH), "names a directory to take libraries from"
    yield "__stack_chk_fail" not in symbols, "does not watch its stack"
    yield fortified and not {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk"} & symbols, (
        "does not check writes to memory of known size")
    yield program and elf.machine == EM_X86_64 and elf.bytes.count(ENDBR64) < 1000, (
        "has functions that are no branch targets (CET)")


def main():
    fortified = "--fortified" in sys.argv
    found = 0
    for path in (a for a in sys.argv[1:] if not a.startswith("--")):
        for bad, what in faults(Elf(path), fortified):
            if bad:
                print(f"{path} {what}")
                found += 1
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
