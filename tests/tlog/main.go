// SPDX-License-Identifier: Apache-2.0

// tlog checks a notary's log with nothing of ours: golang.org/x/mod/sumdb/tlog and .../note read the files in log/ of a
// data directory, as anybody would who fetched them.
//
//	tlog LOG-DIRECTORY PUBLIC-KEY.pem [CHECKPOINTS.json]
//
// The checkpoint's signature; every tile and every entry against its root; an inclusion proof for each entry; and for
// each of the earlier checkpoints in the file (an array of notes), its signature and the proof that the log goes on from
// it.  One line for each kind of check, "verified" at the end.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of a tile: 256 hashes

// files reads tiles as C2SP's tlog-tiles names them: as Go's own, without the height.
type files struct{ directory string }

func (f files) Height() int { return height }

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		path := "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
		bytes, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

// entries reads the bundle of entries that begins at `first`.
func (f files) entries(first, size int64) ([][]byte, error) {
	t := tlog.Tile{H: height, L: 0, N: first >> height, W: int(min(size-first, 1<<height))}
	path := "tile/entries/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/0/", height))
	data, err := os.ReadFile(filepath.Join(f.directory, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends in the middle of an entry", path)
		}
		n := int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:2+n])
		data = data[2+n:]
	}
	if len(entries) != t.W {
		return nil, fmt.Errorf("%s has %d entries and not %d", path, len(entries), t.W)
	}
	return entries, nil
}

// verifier makes of a PEM file what note wants: NAME+HASH+BASE64(1 KEY).  The name is the first line of the note.
func verifier(path, name string) (note.Verifier, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := public.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	withKind := append([]byte{1}, key...)
	hash := sha256.Sum256(append([]byte(name+"\n"), withKind...))
	return note.NewVerifier(name + "+" + hex.EncodeToString(hash[:4]) + "+" + base64.StdEncoding.EncodeToString(withKind))
}

// checkpoint opens a signed note: origin, size, root.
func checkpoint(text []byte, key note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	var tree tlog.Tree
	if _, err = fmt.Sscanf(lines[1], "%d", &tree.N); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// eachEntry proves every entry to be in the tree.
func eachEntry(f files, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		entries, err := f.entries(first, tree.N)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			proof, err := tlog.ProveRecord(tree.N, first+int64(i), hashes)
			if err != nil {
				return err
			}
			if err = tlog.CheckRecord(proof, tree.N, tree.Hash, first+int64(i), tlog.RecordHash(entry)); err != nil {
				return fmt.Errorf("entry %d: %w", first+int64(i), err)
			}
		}
	}
	return nil
}

// eachCheckpoint proves that the log goes on from all of them.
func eachCheckpoint(path string, key note.Verifier, tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var notes []string
	if err = json.Unmarshal(text, &notes); err != nil {
		return 0, err
	}
	for _, text := range notes {
		old, err := checkpoint([]byte(text), key)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return 0, err
		}
		if err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("the checkpoint of %d entries: %w", old.N, err)
		}
	}
	return len(notes), nil
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("usage: tlog LOG-DIRECTORY PUBLIC-KEY.pem [CHECKPOINTS.json]")
	}
	f := files{arguments[0]}
	text, err := os.ReadFile(filepath.Join(f.directory, "checkpoint"))
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(string(text), "\n")
	key, err := verifier(arguments[1], name)
	if err != nil {
		return err
	}
	tree, err := checkpoint(text, key)
	if err != nil {
		return err
	}
	fmt.Printf("checkpoint: %d entries, signed by %s\n", tree.N, name)
	hashes := tlog.TileHashReader(tree, f)
	if err = eachEntry(f, tree, hashes); err != nil {
		return err
	}
	fmt.Printf("inclusion: %d entries\n", tree.N)
	if len(arguments) > 2 {
		count, err := eachCheckpoint(arguments[2], key, tree, hashes)
		if err != nil {
			return err
		}
		fmt.Printf("consistency: %d checkpoints\n", count)
	}
	fmt.Println("verified")
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlog:", err)
		os.Exit(1)
	}
}
