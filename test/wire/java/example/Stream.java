package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

public class Stream implements RequestStreamHandler {
    @Override
    public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
        out.write("{\"bytes\":".getBytes("UTF-8"));
        int n = 0;
        while (in.read() >= 0) {
            n++;
        }
        out.write((n + "}").getBytes("UTF-8"));
    }
}
