/* SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The broker that is tested: a process of ours, on ports that the kernel chooses, ended by its process; or one that runs
 * already, at SERVICE_URL and HTTP_URL, so that the same tests judge Apache Pulsar.
 */
final class Broker implements AutoCloseable {
    private static final int STOP_SECONDS = 60;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Path directory; /* null: somebody else's broker */
    private Process process;
    private final String conf;
    private String url;
    private String httpUrl;
    private String urlTls; /* null: it has no TLS */
    private String httpUrlTls;

    private Broker(Path directory, String conf) {
        this.directory = directory;
        this.conf = conf;
    }

    /** The one that SERVICE_URL names; or a new one: GEMINGA with GEMINGA_CONF, its data and its log in DIRECTORY. */
    static Broker open() throws IOException {
        return open("", System.getenv("GEMINGA_CONF"));
    }

    /** One with all security on: a new one, with SECURITY_FILES; or that of SERVICE_URL and the like, where it has. */
    static Broker openSecure() throws IOException {
        return open("secure", System.getenv("SECURITY_FILES") + "/broker.conf");
    }

    private static Broker open(String name, String conf) throws IOException {
        Broker broker;
        if (System.getenv("SERVICE_URL") != null) {
            broker = new Broker(null, null);
            broker.url = System.getenv("SERVICE_URL");
            broker.httpUrl = System.getenv("HTTP_URL");
            broker.urlTls = System.getenv("SERVICE_URL_TLS");
            broker.httpUrlTls = System.getenv("HTTP_URL_TLS");
        } else {
            broker = new Broker(Files.createDirectories(Path.of(System.getenv("DIRECTORY"), name)), conf);
            broker.start("0", "0");
        }
        return broker;
    }

    String url() {
        return url;
    }

    String httpUrl() {
        return httpUrl;
    }

    String urlTls() {
        return urlTls;
    }

    String httpUrlTls() {
        return httpUrlTls;
    }

    private void start(String port, String httpPort) throws IOException {
        ProcessBuilder builder = new ProcessBuilder("setpriv", "--pdeathsig", "KILL", System.getenv("GEMINGA"),
                "standalone", "--config", conf, "--data", directory + "/data", "--port",
                port, "--http-port", httpPort, "-o", "json");
        File log = directory.resolve("broker.log").toFile();
        process = builder.redirectError(ProcessBuilder.Redirect.appendTo(log)).start();
        String ready = new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
        if (ready == null)
            throw new IllegalStateException("the broker did not start: see " + log);
        url = field(ready, "service_url");
        httpUrl = field(ready, "http_url");
        if (ready.contains("https_url")) {
            urlTls = field(ready, "service_url_tls");
            httpUrlTls = field(ready, "https_url");
        }
    }

    private static String field(String json, String name) {
        Matcher found = Pattern.compile('"' + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        if (!found.find())
            throw new IllegalStateException("no " + name + " in " + json);
        return found.group(1);
    }

    /** kill -9, and a start on the same ports.  A broker that is not ours goes on: it unloads the topic. */
    void crash(String topic) throws Exception {
        if (directory == null) {
            admin("PUT", topic, "/unload", null);
            return;
        }
        process.destroyForcibly().waitFor();
        start(port(url), port(httpUrl));
    }

    private static String port(String url) {
        return url.substring(url.lastIndexOf(':') + 1);
    }

    /** A request about a topic: the answer's body; a failure is an error. */
    String admin(String method, String topic, String what, String json) throws Exception {
        URI uri = URI.create(httpUrl + "/admin/v2/" + topic.replace("://", "/") + what);
        HttpResponse<String> response = http.send(HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .method(method, json == null ? BodyPublishers.noBody() : BodyPublishers.ofString(json))
                .build(), BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2)
            throw new AssertionError(method + " " + uri + ": " + response.statusCode() + " " + response.body());
        return response.body();
    }

    /** The first number of this name in the statistics of a topic. */
    long statistic(String topic, String after, String name) throws Exception {
        String stats = admin("GET", topic, "/stats", null);
        Matcher found = Pattern.compile('"' + name + "\"\\s*:\\s*(-?\\d+)").matcher(stats);
        if (!found.find(Math.max(0, stats.indexOf('"' + after + '"'))))
            throw new AssertionError("no " + name + " in " + stats);
        return Long.parseLong(found.group(1));
    }

    /** An orderly end: it must come, and be a success. */
    @Override
    public void close() throws Exception {
        if (process == null)
            return;
        process.destroy();
        if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("SIGTERM did not end the broker");
        }
        if (process.exitValue() != 0)
            throw new AssertionError("the broker ended with " + process.exitValue());
    }
}
