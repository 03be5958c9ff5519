package example;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Methods without any interface. */
public class Plain {
    private int calls;

    public int add(List<Integer> numbers) {
        int sum = 0;
        for (int n : numbers) {
            sum += n;
        }
        return sum;
    }

    public String greet(String name, Context context) {
        return "hello " + name + " from " + context.getFunctionName();
    }

    public int count() {
        return ++calls;
    }

    public Object echo(Object o) {
        return o;
    }

    public void copy(InputStream in, OutputStream out) throws IOException {
        for (int c = in.read(); c >= 0; c = in.read()) {
            out.write(c);
        }
    }

    public Object fail(Map<String, String> event) {
        try {
            Integer.parseInt(event.get("number"));
        } catch (NumberFormatException e) {
            throw new IllegalStateException("not a number: " + event.get("number"), e);
        }
        return null;
    }

    public Object fill(Object event) {
        List<byte[]> all = new ArrayList<>();
        while (true) {
            all.add(new byte[1 << 20]);
        }
    }

    public void exit() {
        System.exit(3);
    }
}
