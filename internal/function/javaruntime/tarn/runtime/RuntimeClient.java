package tarn.runtime;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** HTTP/1.1 over one connection that is kept: the JDK's own client would cost every cold start more than the rest of it. */
final class RuntimeClient {
    private final String host, base;
    private final InputStream in;
    private final OutputStream out;

    RuntimeClient(String address) throws IOException {
        int slash = address.indexOf('/');
        host = slash < 0 ? address : address.substring(0, slash);
        base = (slash < 0 ? "" : address.substring(slash)) + "/2018-06-01/runtime/";
        int colon = host.lastIndexOf(':');
        Socket socket = new Socket(host.substring(0, colon), Integer.parseInt(host.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream(), 16 << 10);
        out = socket.getOutputStream();
    }

    Main.Invocation next() throws IOException {
        Map<String, String> headers = new HashMap<>();
        byte[] body = call("GET", "invocation/next", new byte[0], null, headers);
        return new Main.Invocation(headers, body);
    }

    void respond(String requestId, byte[] payload) throws IOException {
        call("POST", "invocation/" + requestId + "/response", payload, null, new HashMap<String, String>());
    }

    void error(String requestId, Failure f) throws IOException {
        call("POST", "invocation/" + requestId + "/error", f.document(), f.type(), new HashMap<String, String>());
    }

    void initError(Failure f) throws IOException {
        call("POST", "init/error", f.document(), f.type(), new HashMap<String, String>());
    }

    private byte[] call(String method, String path, byte[] body, String errorType, Map<String, String> headers) throws IOException {
        StringBuilder head = new StringBuilder(256);
        head.append(method).append(' ').append(base).append(path).append(" HTTP/1.1\r\nHost: ").append(host);
        head.append("\r\nContent-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
        if (errorType != null) {
            head.append("Lambda-Runtime-Function-Error-Type: ").append(errorType).append("\r\n");
        }
        byte[] start = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        byte[] all = new byte[start.length + body.length];
        System.arraycopy(start, 0, all, 0, start.length);
        System.arraycopy(body, 0, all, start.length, body.length);
        out.write(all);
        out.flush();
        if (line() == null) {
            System.exit(0); // the server went away
        }
        for (String s = line(); s != null && !s.isEmpty(); s = line()) {
            int colon = s.indexOf(':');
            headers.put(s.substring(0, colon).toLowerCase(Locale.ROOT), s.substring(colon + 1).trim());
        }
        String length = headers.get("content-length");
        byte[] answer = new byte[length == null ? 0 : Integer.parseInt(length)];
        for (int at = 0; at < answer.length; ) {
            int n = in.read(answer, at, answer.length - at);
            if (n < 0) {
                throw new EOFException("the answer of " + path + " ends early");
            }
            at += n;
        }
        return answer;
    }

    private String line() throws IOException {
        StringBuilder b = new StringBuilder(80);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                return null;
            }
            if (c != '\r') {
                b.append((char) c);
            }
        }
        return b.toString();
    }
}
