// SPDX-License-Identifier: Apache-2.0

// natsload publishes to a JetStream stream in a file as fast as the receipts come, and prints what it did as JSON.
//
//	natsload -url nats://127.0.0.1:4222 -size 1024 -window 1000 -seconds 5
//
// One connection, one subject, `window` messages on their way; a receipt's time is from the call that sends to the
// channel that tells.  What comes in the first second does not count.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"sort"
	"time"

	"github.com/nats-io/nats.go"
)

type flight struct {
	sent   time.Time
	future nats.PubAckFuture
}

type result struct {
	Messages int                `json:"messages"`
	Counted  int                `json:"counted"`
	Seconds  float64            `json:"seconds"`
	Latency  map[string]float64 `json:"latency_ms"`
}

// receipts waits for them in the order in which the messages were sent, which is that in which they come.
func receipts(flights <-chan flight, from time.Time, done chan<- []float64) {
	var took []float64
	for f := range flights {
		select {
		case <-f.future.Ok():
			if now := time.Now(); now.After(from) {
				took = append(took, now.Sub(f.sent).Seconds()*1000)
			}
		case err := <-f.future.Err():
			log.Fatal(err)
		}
	}
	done <- took
}

func quantiles(took []float64) map[string]float64 {
	sort.Float64s(took)
	latency := map[string]float64{}
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999} {
		if len(took) > 0 {
			latency[name] = took[int(q*float64(len(took)-1))]
		}
	}
	return latency
}

func main() {
	url := flag.String("url", nats.DefaultURL, "the server")
	size := flag.Int("size", 1024, "bytes of a message")
	window := flag.Int("window", 1000, "messages on their way")
	seconds := flag.Float64("seconds", 5, "how long, the first second included")
	flag.Parse()
	log.SetFlags(0)

	connection, err := nats.Connect(*url)
	if err != nil {
		log.Fatal(err)
	}
	stream, err := connection.JetStream(nats.PublishAsyncMaxPending(*window))
	if err != nil {
		log.Fatal(err)
	}
	_ = stream.DeleteStream("BENCH")
	config := &nats.StreamConfig{Name: "BENCH", Subjects: []string{"bench"}, Storage: nats.FileStorage}
	if _, err = stream.AddStream(config); err != nil {
		log.Fatal(err)
	}

	payload := make([]byte, *size)
	began := time.Now()
	from, until := began.Add(time.Second), began.Add(time.Duration(*seconds*float64(time.Second)))
	flights, done := make(chan flight, *window), make(chan []float64)
	go receipts(flights, from, done)
	messages := 0
	for time.Now().Before(until) {
		sent := time.Now()
		future, err := stream.PublishAsync("bench", payload, nats.StallWait(time.Minute))
		if err != nil {
			log.Fatal(err)
		}
		flights <- flight{sent, future}
		messages++
	}
	close(flights)
	took := <-done
	counted := time.Since(from).Seconds()
	_ = stream.DeleteStream("BENCH")
	connection.Close()
	_ = json.NewEncoder(os.Stdout).Encode(result{messages, len(took), counted, quantiles(took)})
}
