// Makes vectors.txt with the Go checksum database's own packages (golang.org/x/mod/sumdb), which
// share no line with this house. Run it where those are installed:
//
//	GO111MODULE=off go run make.go > vectors.txt
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type store []tlog.Hash

func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, (*s)[i])
	}
	return out, nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func join(hashes []tlog.Hash) string {
	var parts []string
	for _, h := range hashes {
		parts = append(parts, h.String())
	}
	return strings.Join(parts, ",")
}

const total = 600

func main() {
	var s store
	var roots []tlog.Hash
	root := func(n int64) tlog.Hash {
		h, err := tlog.TreeHash(n, &s)
		must(err)
		return h
	}
	for i := int64(0); i < total; i++ {
		hashes, err := tlog.StoredHashes(i, []byte(fmt.Sprintf("entry %d", i)), &s)
		must(err)
		s = append(s, hashes...)
		roots = append(roots, root(i+1))
	}
	for _, n := range []int64{1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 511, 512, 513, 600} {
		fmt.Printf("root %d %s\n", n, roots[n-1])
		for _, i := range []int64{0, 1, n / 3, n / 2, n - 2, n - 1} {
			if i < 0 || i >= n {
				continue
			}
			p, err := tlog.ProveRecord(n, i, &s)
			must(err)
			fmt.Printf("inclusion %d %d %s\n", i, n, join(p))
		}
		for _, o := range []int64{1, 2, 3, 4, 6, 8, n / 2, 255, 256, 257, 512, n - 1, n} {
			if o < 1 || o > n {
				continue
			}
			p, err := tlog.ProveTree(n, o, &s)
			must(err)
			fmt.Printf("consistency %d %d %s\n", o, n, join(p))
		}
	}
	for _, n := range []int64{0, 7, 999, 1000, 1234067, 5000000123} {
		for _, w := range []int{1, 112, 256} {
			for _, l := range []int{-1, 0, 1, 5} {
				t := tlog.Tile{H: 8, L: l, N: n, W: w}
				// This package puts the height first and calls bundles `data`.
				path := strings.Replace(strings.Replace(t.Path(), "tile/8/", "tile/", 1), "/data/", "/entries/", 1)
				fmt.Printf("tile %d %d %d %s\n", l, n, w, path)
			}
		}
	}
	for _, t := range []tlog.Tile{{H: 8, L: 0, N: 1, W: 256}, {H: 8, L: 0, N: 2, W: 88}, {H: 8, L: 1, N: 0, W: 2}} {
		data, err := tlog.ReadTileData(t, &s)
		must(err)
		fmt.Printf("tiledata %d %d %d %s\n", t.L, t.N, t.W, base64.StdEncoding.EncodeToString(data))
	}
	for i, name := range []string{"example.com/log", "0f1e2d3c/audit"} {
		seed := bytes.Repeat([]byte{byte(i + 1)}, 32)
		key := ed25519.NewKeyFromSeed(seed)
		vkey, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
		must(err)
		h := strings.Split(vkey, "+")[1]
		skey := "PRIVATE+KEY+" + name + "+" + h + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
		signer, err := note.NewSigner(skey)
		must(err)
		text := name + string(tlog.FormatTree(tlog.Tree{N: total, Hash: roots[total-1]}))[len("go.sum database tree"):]
		msg, err := note.Sign(&note.Note{Text: text}, signer)
		must(err)
		fmt.Printf("note %d %s %s\n", i+1, vkey, base64.StdEncoding.EncodeToString(msg))
	}
}
