package tarn.runtime;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Finds the code that a handler names, pkg.Class or pkg.Class::method, and calls it with what its signature asks for. */
final class Handlers {
    private Handlers() {}

    static Main.Handler load(String name) throws Throwable {
        int colons = name == null ? -1 : name.indexOf("::");
        if (name == null || name.isEmpty() || colons == 0 || colons > 0 && colons + 2 == name.length()) {
            throw new Failure.Told("java.lang.IllegalArgumentException", "Invalid handler: `" + name + "'", null);
        }
        String className = colons < 0 ? name : name.substring(0, colons);
        Class<?> c;
        try {
            c = Class.forName(className, true, ClassLoader.getSystemClassLoader());
        } catch (ClassNotFoundException e) {
            throw new Failure.Told("java.lang.ClassNotFoundException", "Class not found: " + className, null);
        } catch (UnsupportedClassVersionError e) {
            throw new Failure.Told("java.lang.UnsupportedClassVersionError", e.getMessage() + "; the Java that runs this function is " + System.getProperty("java.version"), null);
        }
        String method = colons < 0 ? null : name.substring(colons + 2);
        Class<?> pojo = find(c, Contexts.CORE + "RequestHandler"), stream = find(c, Contexts.CORE + "RequestStreamHandler");
        if (stream != null && (method == null || method.equals("handleRequest"))) {
            return call(c, stream.getMethods()[0], null, null);
        }
        if (pojo != null && (method == null || method.equals("handleRequest"))) {
            Map<TypeVariable<?>, Type> bound = new HashMap<>();
            bind(c, bound);
            TypeVariable<?>[] parameters = pojo.getTypeParameters();
            return call(c, pojo.getMethods()[0], follow(parameters[0], bound), follow(parameters[1], bound));
        }
        if (method == null) {
            throw new Failure.Told("java.lang.Exception", "Class does not implement an appropriate handler interface: " + className, null);
        }
        Method m = choose(c, method);
        Map<TypeVariable<?>, Type> bound = new HashMap<>();
        bind(c, bound);
        Type[] types = m.getGenericParameterTypes();
        return call(c, m, types.length == 0 ? null : follow(types[0], bound), follow(m.getGenericReturnType(), bound));
    }

    /** Returns the interface of that name which c implements, or null. */
    private static Class<?> find(Class<?> c, String name) {
        for (; c != null; c = c.getSuperclass()) {
            for (Class<?> i : c.getInterfaces()) {
                Class<?> found = i.getName().equals(name) ? i : find(i, name);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    /** Notes what the type variables of c's ancestors stand for. */
    private static void bind(Class<?> c, Map<TypeVariable<?>, Type> bound) {
        Type[] above = new Type[c.getGenericInterfaces().length + 1];
        System.arraycopy(c.getGenericInterfaces(), 0, above, 1, above.length - 1);
        above[0] = c.getGenericSuperclass();
        for (Type t : above) {
            if (t instanceof ParameterizedType) {
                Type[] args = ((ParameterizedType) t).getActualTypeArguments();
                TypeVariable<?>[] names = Binder.raw(t).getTypeParameters();
                for (int i = 0; i < args.length; i++) {
                    bound.put(names[i], args[i]);
                }
            }
            if (t != null) {
                bind(Binder.raw(t), bound);
            }
        }
    }

    private static Type follow(Type t, Map<TypeVariable<?>, Type> bound) {
        while (t instanceof TypeVariable && bound.containsKey(t)) {
            t = bound.get(t);
        }
        return t;
    }

    /** Of overloads, real methods go before bridges and longer signatures before shorter ones; a Context counts as one more. */
    private static Method choose(Class<?> c, String name) {
        Method best = null;
        int most = -1;
        for (Method m : c.getMethods()) {
            if (!m.getName().equals(name) || !fits(m)) {
                continue;
            }
            Class<?>[] p = m.getParameterTypes();
            int rank = 2 * (p.length + (p.length > 0 && Contexts.isContext(p[p.length - 1]) ? 1 : 0)) + (m.isBridge() ? 0 : 100);
            if (rank > most) {
                best = m;
                most = rank;
            }
        }
        if (best == null) {
            throw new Failure.Told("java.lang.Exception", "No public method named " + name + " with appropriate method signature found on class " + c.getName(), null);
        }
        return best;
    }

    private static boolean fits(Method m) {
        Class<?>[] p = m.getParameterTypes();
        boolean streams = p.length > 0 && p[0] == InputStream.class;
        switch (p.length) {
            case 0: case 1: return true;
            case 2: return Contexts.isContext(p[1]) && !Contexts.isContext(p[0]) || streams && p[1] == OutputStream.class;
            case 3: return streams && p[1] == OutputStream.class && Contexts.isContext(p[2]);
            default: return false;
        }
    }

    /** Makes a handler that calls m with the input as in, and writes what it gives as out. */
    private static Main.Handler call(Class<?> c, final Method m, final Type in, final Type out) throws Throwable {
        final Object target = Modifier.isStatic(m.getModifiers()) ? null : instance(c);
        final Class<?>[] types = m.getParameterTypes();
        m.setAccessible(true);
        return new Main.Handler() {
            @Override
            public byte[] handle(Main.Invocation call) throws Throwable {
                ByteArrayOutputStream written = null;
                Object[] args = new Object[types.length];
                for (int i = 0; i < args.length; i++) {
                    if (types[i] == InputStream.class) {
                        args[i] = new ByteArrayInputStream(call.payload);
                    } else if (types[i] == OutputStream.class) {
                        args[i] = written = new ByteArrayOutputStream();
                    } else if (Contexts.isContext(types[i])) {
                        args[i] = Contexts.make(types[i], call);
                    } else {
                        args[i] = read(call.payload, in);
                    }
                }
                Object result;
                try {
                    result = m.invoke(target, args);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
                if (written != null) {
                    return written.toByteArray();
                }
                return write(m.getReturnType() == void.class ? null : result);
            }
        };
    }

    private static Object instance(Class<?> c) throws Throwable {
        Constructor<?> k;
        try {
            k = c.getConstructor();
        } catch (NoSuchMethodException e) {
            boolean inner = c.getEnclosingClass() != null && !Modifier.isStatic(c.getModifiers());
            throw new Failure.Told("java.lang.Exception", "Class " + c.getName() + (inner ? " cannot be instantiated because it is a non-static inner class" : " has no public zero-argument constructor"), null);
        }
        try {
            return k.newInstance();
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static Object read(byte[] payload, Type in) {
        try {
            return Binder.bind(Json.parse(new String(payload, StandardCharsets.UTF_8)), in);
        } catch (RuntimeException e) {
            throw new Failure.Told("java.lang.RuntimeException", "An error occurred during JSON parsing", told(e));
        }
    }

    private static byte[] write(Object result) {
        try {
            return Json.write(result).getBytes(StandardCharsets.UTF_8);
        } catch (RuntimeException e) {
            throw new Failure.Told("java.lang.RuntimeException", "An error occurred during serialization of response", told(e));
        }
    }

    private static Throwable told(RuntimeException e) {
        return new Failure.Told(e.getClass().getName(), e.getMessage(), null);
    }
}
