package tarn.runtime;

import java.io.PrintStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;

/**
 * The context object of an invocation. Its interfaces come with the user's code (com.amazonaws:aws-lambda-java-core), in
 * whichever version, so they are implemented by proxies.
 */
final class Contexts {
    static final String CORE = "com.amazonaws.services.lambda.runtime.";

    private Contexts() {}

    static boolean isContext(Class<?> c) {
        return c.getName().equals(CORE + "Context");
    }

    static Object make(final Class<?> context, final Main.Invocation call) {
        return proxy(context, new InvocationHandler() {
            @Override
            public Object invoke(Object self, Method m, Object[] args) throws Throwable {
                switch (m.getName()) {
                    case "getAwsRequestId": return call.requestId;
                    case "getLogGroupName": return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
                    case "getLogStreamName": return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
                    case "getFunctionName": return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
                    case "getFunctionVersion": return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
                    case "getInvokedFunctionArn": return call.functionArn;
                    case "getRemainingTimeInMillis": return (int) Math.max(0, call.deadlineMillis - System.currentTimeMillis());
                    case "getMemoryLimitInMB": return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
                    case "getXrayTraceId": return call.traceId;
                    case "getLogger": return logger(m.getReturnType());
                    case "getIdentity": return proxy(m.getReturnType(), NOTHING);
                    case "getClientContext": return call.clientContext == null ? null : client(m.getReturnType(), call.clientContext);
                    default: return common(self, m, args);
                }
            }
        });
    }

    private static Object client(Class<?> c, String json) {
        Object doc = Json.parse(json);
        final Map<?, ?> fields = doc instanceof Map ? (Map<?, ?>) doc : Collections.emptyMap();
        return proxy(c, new InvocationHandler() {
            @Override
            public Object invoke(Object self, Method m, Object[] args) throws Throwable {
                switch (m.getName()) {
                    case "getCustom": return fields.get("custom");
                    case "getEnvironment": return fields.get("env");
                    case "getClient":
                        Object installed = fields.get("client");
                        return installed instanceof Map ? installation(m.getReturnType(), (Map<?, ?>) installed) : null;
                    default: return common(self, m, args);
                }
            }
        });
    }

    private static Object installation(Class<?> c, final Map<?, ?> fields) {
        return proxy(c, new InvocationHandler() {
            @Override
            public Object invoke(Object self, Method m, Object[] args) throws Throwable {
                switch (m.getName()) {
                    case "getInstallationId": return fields.get("installation_id");
                    case "getAppTitle": return fields.get("app_title");
                    case "getAppVersionName": return fields.get("app_version_name");
                    case "getAppVersionCode": return fields.get("app_version_code");
                    case "getAppPackageName": return fields.get("app_package_name");
                    default: return common(self, m, args);
                }
            }
        });
    }

    private static Object logger(Class<?> c) {
        return proxy(c, new InvocationHandler() {
            @Override
            public Object invoke(Object self, Method m, Object[] args) throws Throwable {
                if (!m.getName().equals("log") || args == null) {
                    return common(self, m, args);
                }
                log(args[0] instanceof byte[] ? new String((byte[]) args[0], StandardCharsets.UTF_8) : String.valueOf(args[0]));
                return null;
            }
        });
    }

    /** Writes one event of the log. */
    static void log(String message) {
        while (message.endsWith("\n") || message.endsWith("\r")) {
            message = message.substring(0, message.length() - 1);
        }
        PrintStream out = System.out;
        out.print(message.replace("\r\n", "\n").replace('\n', '\r') + "\n");
        out.flush();
    }

    private static final InvocationHandler NOTHING = new InvocationHandler() {
        @Override
        public Object invoke(Object self, Method m, Object[] args) throws Throwable {
            return common(self, m, args);
        }
    };

    private static Object proxy(Class<?> c, InvocationHandler h) {
        return Proxy.newProxyInstance(c.getClassLoader(), new Class<?>[] {c}, h);
    }

    /** What every object answers; null for methods of versions of the interface that are newer than this class. */
    private static Object common(Object self, Method m, Object[] args) {
        switch (m.getName()) {
            case "toString": return m.getDeclaringClass() == Object.class ? self.getClass().getInterfaces()[0].getSimpleName() : null;
            case "hashCode": return System.identityHashCode(self);
            case "equals": return self == args[0];
            default:
                Class<?> r = m.getReturnType();
                return !r.isPrimitive() || r == void.class ? null : r == boolean.class ? (Object) false : Binder.number(0, r);
        }
    }
}
