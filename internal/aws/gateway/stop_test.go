package gateway

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

// TestAnswerOn_StopsWithADeafClient: a client that reads nothing of its answer does not keep the server from stopping.
func TestAnswerOn_StopsWithADeafClient(t *testing.T) {
	server, client := net.Pipe()
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	rest := func(_ context.Context, w *protocol.Recorder) { _, _ = w.Write([]byte("answer")) }
	alive := make(chan bool)
	go func() {
		_, ok := answerOn(ctx, server, nil, &parkedWriter{header: http.Header{}}, rest, func(*protocol.Recorder) {})
		alive <- ok
	}()
	if _, err := client.Read(make([]byte, 1)); err != nil { // it has begun to answer
		t.Fatal(err)
	}
	cancel()
	if <-alive {
		t.Error("the connection is used again")
	}
}
