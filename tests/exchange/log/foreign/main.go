// Checks a state's log with nothing of ours: the Go team's own packages for
// signed notes and tiled logs, as Debian ships them (golang-golang-x-mod-dev).
//
//	foreign VKEY TREE [old CHECKPOINT | receipt FILE]...
//
// TREE is the folder that holds "checkpoint" and "tile". Every entry is proved
// from the tiles. An older CHECKPOINT must be a prefix of the newest one; a
// receipt (c2sp.org/tlog-proof) must prove the entry at the index that it names.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type head struct {
	origin string
	tree   tlog.Tree
}

// files reads tiles where c2sp.org/tlog-tiles puts them: without the height
// that sum.golang.org has in its paths.
type files struct{ root string }

func (f files) Height() int                             { return height }
func (f files) SaveTiles(tiles []tlog.Tile, d [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		name := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "refused: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func open(signed []byte, verifier note.Verifier) head {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err, "signature")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		must(fmt.Errorf("%d lines, origin %q", len(lines), lines[0]), "checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	return head{lines[0], tlog.Tree{N: size, Hash: root}}
}

func entries(root string, size int64) [][]byte {
	var found [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: height, L: 0, N: n, W: int(width)}
		name := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		must(err, "entries")
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				must(fmt.Errorf("%s is cut off", name), "entries")
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			found, data = append(found, data[2:end]), data[end:]
		}
		if len(data) != 0 {
			must(fmt.Errorf("%s has bytes left over", name), "entries")
		}
	}
	return found
}

func receipt(data []byte, verifier note.Verifier, all [][]byte) {
	text, signed, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(text), "\n")
	if !ok || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		must(fmt.Errorf("not a tlog-proof"), "receipt")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err, "receipt")
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		must(err, "receipt")
		var hash tlog.Hash
		copy(hash[:], raw)
		proof = append(proof, hash)
	}
	at := open(signed, verifier)
	must(tlog.CheckRecord(proof, at.tree.N, at.tree.Hash, index, tlog.RecordHash(all[index])), "receipt")
	fmt.Printf("receipt %d\n", index)
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	must(err, "verifier key")
	root := os.Args[2]
	signed, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	must(err, "checkpoint")
	newest := open(signed, verifier)
	hashes := tlog.TileHashReader(newest.tree, files{root})
	all := entries(root, newest.tree.N)
	for index, entry := range all {
		proof, err := tlog.ProveRecord(newest.tree.N, int64(index), hashes)
		must(err, "tiles")
		must(tlog.CheckRecord(proof, newest.tree.N, newest.tree.Hash, int64(index), tlog.RecordHash(entry)), "inclusion")
	}
	fmt.Printf("included %d\n", len(all))
	for i := 3; i+1 < len(os.Args); i += 2 {
		data, err := os.ReadFile(os.Args[i+1])
		must(err, os.Args[i])
		if os.Args[i] == "receipt" {
			receipt(data, verifier, all)
			continue
		}
		older := open(data, verifier)
		proof, err := tlog.ProveTree(newest.tree.N, older.tree.N, hashes)
		must(err, "tiles")
		must(tlog.CheckTree(proof, newest.tree.N, newest.tree.Hash, older.tree.N, older.tree.Hash), "consistency")
		fmt.Printf("consistent %d\n", older.tree.N)
	}
}
