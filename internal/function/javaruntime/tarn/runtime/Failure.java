package tarn.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An error of the user's code as Lambda words it: errorMessage, errorType, stackTrace, cause. */
final class Failure {
    /** An error that is told to the user without a stack trace, because its stack is the runtime's own. */
    static final class Told extends RuntimeException {
        final String type;

        Told(String type, String message, Throwable cause) {
            super(message, cause, false, false);
            this.type = type;
        }
    }

    private static final int MAX_CAUSES = 20;
    private final Throwable thrown;
    final boolean fatal; // the virtual machine cannot be relied on any more

    private Failure(Throwable t) {
        thrown = t;
        fatal = t instanceof VirtualMachineError && !(t instanceof StackOverflowError);
    }

    static Failure of(Throwable t) {
        while (t instanceof java.lang.reflect.InvocationTargetException && t.getCause() != null) {
            t = t.getCause();
        }
        return new Failure(t);
    }

    String type() {
        return type(thrown);
    }

    private static String type(Throwable t) {
        return t instanceof Told ? ((Told) t).type : t.getClass().getName();
    }

    byte[] document() {
        return Json.write(describe(thrown, 0)).getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Object> describe(Throwable t, int depth) {
        Map<String, Object> doc = new LinkedHashMap<>();
        doc.put("errorMessage", t.getMessage());
        doc.put("errorType", type(t));
        List<Object> trace = new ArrayList<>();
        for (StackTraceElement e : t.getStackTrace()) {
            if (ours(e)) {
                break;
            }
            trace.add(e.toString());
        }
        doc.put("stackTrace", trace);
        if (t.getCause() != null && t.getCause() != t && depth < MAX_CAUSES) {
            doc.put("cause", describe(t.getCause(), depth + 1));
        }
        return doc;
    }

    /** Reports whether a frame, and all below it, belong to the way from the runtime to the user's code. */
    private static boolean ours(StackTraceElement e) {
        String c = e.getClassName();
        return c.startsWith("tarn.runtime.") || c.startsWith("jdk.internal.reflect.") || c.startsWith("sun.reflect.") || c.equals("java.lang.reflect.Method");
    }

    /** Writes the error with its stack to the log as one event: inner line ends are carriage returns until the platform has them. */
    void print() {
        StringBuilder b = new StringBuilder();
        if (thrown instanceof Told) {
            b.append(thrown.getMessage()).append(": ").append(type());
            if (thrown.getCause() != null) {
                b.append("\nCaused by: ").append(thrown.getCause());
            }
        } else {
            StringWriter w = new StringWriter();
            thrown.printStackTrace(new PrintWriter(w, true));
            String message = String.valueOf(thrown.getMessage());
            b.append(message).append(": ").append(type()).append('\n').append(w.toString().trim());
        }
        Contexts.log(b.toString());
    }
}
