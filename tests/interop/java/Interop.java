/* SPDX-License-Identifier: Apache-2.0 */
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.PulsarClient;

/**
 * Runs the tests: each method without parameters of the classes below is one, its name is a sentence, and it has an
 * object and a client of its own.  They share a broker, those of security one that asks for credentials (and make their
 * clients themselves), and run one after the other on the main thread, because a broker dies with the thread that started
 * it.  Arguments are words: only tests whose names contain one of them are run.
 */
final class Interop {
    private static final List<Class<? extends Part>> PARTS =
            List.of(Subscriptions.class, Topics.class, Producers.class, Consumers.class, Times.class);
    private static final List<Class<? extends Part>> SECURE_PARTS = List.of(Security.class);
    private static final int TEST_SECONDS = 150;

    private final Broker broker;
    private final ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "watch");
        thread.setDaemon(true);
        return thread;
    });
    private int passed;

    private Interop(Broker broker) {
        this.broker = broker;
    }

    private interface Opening {
        Broker open() throws Exception;
    }

    public static void main(String[] words) throws Exception {
        /* A broker that somebody else started asks for credentials, or does not. */
        boolean others = System.getenv("SERVICE_URL") != null, asks = System.getenv("SERVICE_URL_TLS") != null;
        List<Method> open = others && asks ? List.of() : chosen(PARTS, words);
        List<Method> secure = others && !asks ? List.of() : chosen(SECURE_PARTS, words);
        int passed = runAll(open, Broker::open) + runAll(secure, Broker::openSecure);
        int tests = open.size() + secure.size();
        System.out.printf("%d of %d tests with the official Java client passed%n", passed, tests);
        System.exit(passed == tests && passed > 0 ? 0 : 1);
    }

    private static List<Method> chosen(List<Class<? extends Part>> parts, String[] words) {
        return parts.stream().flatMap(part -> testsOf(part).stream())
                .filter(test -> words.length == 0 || Arrays.stream(words).anyMatch(sentence(test)::contains))
                .toList();
    }

    /** How many pass. */
    private static int runAll(List<Method> tests, Opening opening) throws Exception {
        if (tests.isEmpty())
            return 0;
        try (Broker broker = opening.open()) {
            Interop all = new Interop(broker);
            for (Method test : tests)
                all.run(test);
            return all.passed;
        }
    }

    private static List<Method> testsOf(Class<? extends Part> part) {
        return Arrays.stream(part.getDeclaredMethods())
                .filter(m -> m.getParameterCount() == 0 && !Modifier.isPrivate(m.getModifiers()) && !m.isSynthetic())
                .sorted(Comparator.comparing(Method::getName))
                .toList();
    }

    private static String sentence(Method test) {
        return test.getDeclaringClass().getSimpleName().toLowerCase() + ": " + test.getName().replace('_', ' ');
    }

    /** One test: what it throws is its failure; one that takes too long is interrupted, and fails by that. */
    private void run(Method test) {
        Thread me = Thread.currentThread();
        var alarm = watch.schedule(me::interrupt, TEST_SECONDS, TimeUnit.SECONDS);
        long began = System.nanoTime();
        Throwable failure = null;
        try {
            PulsarClient client =
                    PulsarClient.builder().serviceUrl(broker.url()).ioThreads(1).listenerThreads(1).build();
            Part part = (Part) test.getDeclaringClass().getDeclaredConstructor().newInstance();
            part.begin(broker, client, test.getName());
            test.invoke(part);
            client.closeAsync(); /* its threads linger for two seconds: nobody waits */
        } catch (InvocationTargetException e) {
            failure = e.getCause();
        } catch (Exception e) {
            failure = e;
        }
        alarm.cancel(false);
        Thread.interrupted();
        System.out.printf("%s %s (%.1f s)%n", failure == null ? "ok  " : "FAIL", sentence(test),
                (System.nanoTime() - began) / 1e9);
        if (failure == null)
            passed++;
        else
            failure.printStackTrace(System.out);
    }
}
