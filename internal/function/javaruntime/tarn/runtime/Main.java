package tarn.runtime;

import java.util.Map;

/**
 * Runs a Java function: a client of the Lambda Runtime API. The environment is that of Lambda, the class path holds the
 * function's code and its layers'. It is compiled for Java 8, so that every Java there is can run it.
 */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        RuntimeClient api = new RuntimeClient(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Handler handler;
        try {
            handler = Handlers.load(System.getenv("_HANDLER"));
        } catch (Throwable t) {
            Failure f = Failure.of(t);
            f.print();
            api.initError(f);
            System.exit(1);
            return;
        }
        while (true) {
            Invocation call = api.next();
            if (call.traceId != null) {
                System.setProperty("com.amazonaws.xray.traceHeader", call.traceId);
            }
            byte[] answer = null;
            Failure failure = null;
            try {
                answer = handler.handle(call);
            } catch (Throwable t) {
                failure = Failure.of(t);
                failure.print();
            }
            System.out.flush();
            System.err.flush();
            if (failure == null) {
                api.respond(call.requestId, answer);
                continue;
            }
            api.error(call.requestId, failure);
            if (failure.fatal) {
                System.exit(1);
            }
        }
    }

    /** A request to the function. */
    static final class Invocation {
        final String requestId, functionArn, traceId, clientContext;
        final long deadlineMillis;
        final byte[] payload;

        Invocation(Map<String, String> headers, byte[] payload) {
            this.requestId = headers.get("lambda-runtime-aws-request-id");
            this.functionArn = headers.get("lambda-runtime-invoked-function-arn");
            this.traceId = headers.get("lambda-runtime-trace-id");
            this.clientContext = headers.get("lambda-runtime-client-context");
            String deadline = headers.get("lambda-runtime-deadline-ms");
            this.deadlineMillis = deadline == null ? 0 : Long.parseLong(deadline);
            this.payload = payload;
        }
    }

    /** What the user's code looks like from here, whichever way it is written. */
    interface Handler {
        byte[] handle(Invocation call) throws Throwable;
    }
}
