/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.pulsar.client.admin.PulsarAdmin;
import org.apache.pulsar.client.admin.PulsarAdminException;
import org.apache.pulsar.client.api.Authentication;
import org.apache.pulsar.client.api.AuthenticationFactory;
import org.apache.pulsar.client.api.ClientBuilder;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.PulsarClientException;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.impl.auth.AuthenticationBasic;
import org.apache.pulsar.common.policies.data.AuthAction;
import org.apache.pulsar.common.policies.data.TenantInfo;

/** Who is let in and who is not: tokens, passwords, TLS, client certificates (PEM), and what ends while it is used. */
final class Security extends Part {
    private static final String NAMESPACE = "private/auth";
    private static final String ROLE = "token-principal"; /* may produce and consume there */
    private static final String TENANT_ADMIN = "private-admin";
    private static final String STRANGER = "nobody-in-particular";

    private Path files;

    @Override
    void begin(Broker broker, PulsarClient none, String name) throws Exception {
        super.begin(broker, none, name);
        files = Path.of(System.getenv("SECURITY_FILES"));
        topic = topic.replace("public/default", NAMESPACE);
        try (PulsarAdmin admin = admin(AuthenticationFactory.token(token("admin")))) {
            if (admin.tenants().getTenants().contains("private"))
                return;
            admin.tenants().createTenant("private",
                    TenantInfo.builder().adminRoles(Set.of(TENANT_ADMIN)).allowedClusters(Set.of("standalone")).build());
            admin.namespaces().createNamespace(NAMESPACE);
            admin.namespaces().grantPermissionOnNamespace(NAMESPACE, ROLE, Set.of(AuthAction.produce, AuthAction.consume));
        }
    }

    // ---- credentials ----

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String signed(String head, String claims, byte[] secret) throws Exception {
        String text = base64(bytes(head)) + "." + base64(bytes(claims));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        return text + "." + base64(mac.doFinal(bytes(text)));
    }

    private byte[] secret() throws IOException {
        return Files.readAllBytes(files.resolve("tokens/secret.key"));
    }

    private String token(String role) throws Exception {
        return signed("{\"alg\":\"HS256\"}", "{\"sub\":\"" + role + "\"}", secret());
    }

    private String tokenFor(String role, long seconds) throws Exception {
        return signed("{\"alg\":\"HS256\"}",
                "{\"sub\":\"" + role + "\",\"exp\":" + (System.currentTimeMillis() / 1000 + seconds) + "}", secret());
    }

    private static Authentication password(String user, String word) {
        AuthenticationBasic basic = new AuthenticationBasic();
        basic.configure("{\"userId\":\"" + user + "\",\"password\":\"" + word + "\"}");
        return basic;
    }

    private String certificates(String name) {
        return files.resolve("certs/" + name).toString();
    }

    private Authentication certificate(String name) {
        return AuthenticationFactory.TLS(certificates(name + "-cert.pem"), certificates(name + "-key.pem"));
    }

    // ---- clients ----

    private ClientBuilder plain(Authentication authentication) throws PulsarClientException {
        ClientBuilder builder = PulsarClient.builder().serviceUrl(broker.url()).ioThreads(1).listenerThreads(1)
                .operationTimeout(SECONDS, TimeUnit.SECONDS);
        return authentication == null ? builder : builder.authentication(authentication);
    }

    private ClientBuilder tls(Authentication authentication) throws PulsarClientException {
        return plain(authentication).serviceUrl(broker.urlTls()).tlsTrustCertsFilePath(certificates("cacert.pem"))
                .enableTlsHostnameVerification(true);
    }

    private PulsarAdmin admin(Authentication authentication) throws PulsarClientException {
        return PulsarAdmin.builder().serviceHttpUrl(broker.httpUrl()).authentication(authentication).build();
    }

    private PulsarAdmin adminTls(Authentication authentication) throws PulsarClientException {
        return PulsarAdmin.builder().serviceHttpUrl(broker.httpUrlTls()).authentication(authentication)
                .tlsTrustCertsFilePath(certificates("cacert.pem")).enableTlsHostnameVerification(true).build();
    }

    private interface Use {
        void of(PulsarClient client) throws Exception;
    }

    /** What is done with a client, which is closed after it. */
    private static void with(ClientBuilder builder, Use use) throws Exception {
        PulsarClient client = builder.build();
        try {
            use.of(client);
        } finally {
            client.closeAsync();
        }
    }

    /** A message there and back. */
    private void works(ClientBuilder builder) throws Exception {
        with(builder, client -> {
            try (Consumer<byte[]> consumer = client.newConsumer().topic(topic).subscriptionName("s")
                    .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest).subscribe();
                    Producer<byte[]> producer = client.newProducer().topic(topic).create()) {
                producer.send(bytes("in"));
                Message<byte[]> message = receive(consumer);
                equal("in", text(message));
                consumer.acknowledge(message);
            }
        });
    }

    private void isRefused(Class<? extends Exception> how, ClientBuilder builder) throws Exception {
        with(builder, client -> {
            refused(how, () -> client.newProducer().topic(topic).create());
            refused(how, () -> client.newConsumer().topic(topic).subscriptionName("s")
                    .subscriptionType(SubscriptionType.Shared).subscribe());
        });
    }

    private void isNotBelieved(ClientBuilder builder) throws Exception {
        isRefused(PulsarClientException.AuthenticationException.class, builder);
    }

    private void isForbidden(ClientBuilder builder) throws Exception {
        isRefused(PulsarClientException.AuthorizationException.class, builder);
    }

    // ---- tokens ----

    void a_token_is_believed_from_wherever_it_comes() throws Exception {
        String token = token(ROLE);
        Path file = Files.createTempFile("token", "");
        Files.writeString(file, token);
        works(plain(AuthenticationFactory.token(token)));
        works(plain(AuthenticationFactory.token(() -> token)));
        works(plain(AuthenticationFactory.create("org.apache.pulsar.client.impl.auth.AuthenticationToken",
                "token:" + token)));
        works(plain(AuthenticationFactory.create("org.apache.pulsar.client.impl.auth.AuthenticationToken",
                "file://" + file)));
        Files.delete(file);
    }

    void a_token_of_another_secret_is_refused() throws Exception {
        isNotBelieved(plain(AuthenticationFactory.token(signed("{\"alg\":\"HS256\"}", "{\"sub\":\"admin\"}",
                new byte[32]))));
    }

    void a_token_that_was_changed_is_refused() throws Exception {
        String[] parts = token(ROLE).split("\\.");
        isNotBelieved(plain(AuthenticationFactory.token(
                parts[0] + "." + base64(bytes("{\"sub\":\"admin\"}")) + "." + parts[2])));
    }

    void a_token_that_is_not_signed_is_refused() throws Exception {
        isNotBelieved(plain(AuthenticationFactory.token(
                base64(bytes("{\"alg\":\"none\"}")) + "." + base64(bytes("{\"sub\":\"admin\"}")) + ".")));
    }

    void a_token_that_has_expired_is_refused() throws Exception {
        isNotBelieved(plain(AuthenticationFactory.token(tokenFor("admin", -10))));
    }

    void what_is_no_token_is_refused() throws Exception {
        isNotBelieved(plain(AuthenticationFactory.token("let me in")));
    }

    void who_says_nothing_is_refused() throws Exception {
        isNotBelieved(plain(null));
        isNotBelieved(tls(null));
    }

    void who_has_no_permission_is_forbidden() throws Exception {
        isForbidden(plain(AuthenticationFactory.token(token(STRANGER))));
    }

    // ---- passwords ----

    void a_password_is_believed() throws Exception {
        works(plain(password("admin", "123456")));
        works(tls(password("admin", "123456")));
    }

    void a_wrong_password_is_refused() throws Exception {
        isNotBelieved(plain(password("admin", "1234567")));
        isNotBelieved(plain(password("nobody", "123456")));
    }

    // ---- TLS ----

    void tls_carries_a_token() throws Exception {
        works(tls(AuthenticationFactory.token(token(ROLE))));
    }

    void a_broker_whom_nobody_vouches_for_is_refused_unless_nobody_cares() throws Exception {
        Authentication token = AuthenticationFactory.token(token(ROLE));
        isRefused(PulsarClientException.class, tls(token).tlsTrustCertsFilePath(certificates("othercacert.pem"))
                .operationTimeout(3, TimeUnit.SECONDS));
        works(tls(token).tlsTrustCertsFilePath(certificates("othercacert.pem")).allowTlsInsecureConnection(true)
                .enableTlsHostnameVerification(false));
    }

    void a_broker_of_another_name_is_refused_if_names_are_looked_at() throws Exception {
        Authentication token = AuthenticationFactory.token(token(ROLE));
        String url = broker.urlTls().replace("localhost", "127.0.0.2"); /* of 127.0.0.1 Java knows that it is localhost */
        isRefused(PulsarClientException.class, tls(token).serviceUrl(url).operationTimeout(3, TimeUnit.SECONDS));
        works(tls(token).serviceUrl(url).enableTlsHostnameVerification(false));
    }

    // ---- client certificates ----

    void a_certificate_is_believed() throws Exception {
        works(tls(certificate("client")));
    }

    void a_certificate_can_come_with_a_token() throws Exception {
        works(tls(AuthenticationFactory.token(token(ROLE))).tlsCertificateFilePath(certificates("user-cert.pem"))
                .tlsKeyFilePath(certificates("user-key.pem"))); /* it is the token that counts */
    }

    void the_name_in_a_certificate_is_a_role_as_any() throws Exception {
        isForbidden(tls(certificate("user")));
    }

    void a_certificate_that_nobody_vouches_for_is_refused() throws Exception {
        isRefused(PulsarClientException.class, tls(certificate("stranger")).operationTimeout(3, TimeUnit.SECONDS));
        isRefused(PulsarClientException.class, tls(certificate("expired")).operationTimeout(3, TimeUnit.SECONDS));
    }

    // ---- credentials that end while they are used ----

    private Supplier<String> shortLived(AtomicInteger asked, AtomicBoolean ended) {
        String[] last = new String[1];
        return () -> {
            try {
                if (!ended.get())
                    last[0] = tokenFor(ROLE, 2);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            asked.incrementAndGet();
            return last[0];
        };
    }

    void a_connection_outlives_its_token_by_the_next_one() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        with(plain(AuthenticationFactory.token(shortLived(asked, new AtomicBoolean()))), client -> {
            Producer<byte[]> producer = client.newProducer().topic(topic).create();
            long connected = producer.getLastDisconnectedTimestamp();
            int before = asked.get();
            eventually(SECONDS, () -> asked.get() > before + 1);
            producer.send(bytes("still here"));
            equal(connected, producer.getLastDisconnectedTimestamp()); /* it never was disconnected */
        });
    }

    void a_connection_whose_token_is_not_renewed_ends() throws Exception {
        AtomicBoolean ended = new AtomicBoolean();
        with(plain(AuthenticationFactory.token(shortLived(new AtomicInteger(), ended))), client -> {
            Producer<byte[]> producer = client.newProducer().topic(topic).create();
            ended.set(true);
            eventually(SECONDS, () -> !producer.isConnected());
            refused(PulsarClientException.class, () -> client.newProducer().topic(topic).create());
        });
    }

    // ---- REST ----

    void administrators_come_with_tokens_passwords_and_certificates() throws Exception {
        for (Authentication one : new Authentication[] {AuthenticationFactory.token(token("admin")),
                password("admin", "123456")})
            try (PulsarAdmin admin = admin(one)) {
                that(admin.tenants().getTenants().contains("private"), "the tenant is told");
            }
        for (Authentication one : new Authentication[] {AuthenticationFactory.token(token("admin")),
                password("admin", "123456"), certificate("client")})
            try (PulsarAdmin admin = adminTls(one)) {
                that(admin.tenants().getTenants().contains("private"), "the tenant is told");
            }
    }

    void nobody_administers_without_credentials_that_are_believed() throws Exception {
        for (Authentication one : new Authentication[] {AuthenticationFactory.token("let me in"),
                AuthenticationFactory.token(tokenFor("admin", -10)), password("admin", "1234567")})
            try (PulsarAdmin admin = admin(one)) {
                refused(PulsarAdminException.NotAuthorizedException.class, () -> admin.clusters().getClusters());
            }
        try (PulsarAdmin admin = PulsarAdmin.builder().serviceHttpUrl(broker.httpUrl()).build()) {
            refused(PulsarAdminException.NotAuthorizedException.class, () -> admin.clusters().getClusters());
        }
        for (String name : new String[] {"stranger", "expired"})
            try (PulsarAdmin admin = adminTls(certificate(name))) {
                refused(PulsarAdminException.class, () -> admin.clusters().getClusters());
            }
    }

    void a_tenants_administrator_administers_the_tenant_only() throws Exception {
        try (PulsarAdmin admin = admin(AuthenticationFactory.token(token(TENANT_ADMIN)))) {
            that(admin.namespaces().getNamespaces("private").contains(NAMESPACE), "the namespace is told");
            admin.topics().createNonPartitionedTopic(topic);
            equal(0L, admin.topics().getStats(topic).getMsgInCounter());
            refused(PulsarAdminException.NotAuthorizedException.class, () -> admin.tenants().getTenants());
            refused(PulsarAdminException.NotAuthorizedException.class, () -> admin.namespaces().getNamespaces("public"));
        }
    }

    void permissions_come_and_go() throws Exception {
        String role = topic.substring(topic.lastIndexOf('/') + 1);
        ClientBuilder client = plain(AuthenticationFactory.token(token(role)));
        isForbidden(client);
        try (PulsarAdmin admin = admin(AuthenticationFactory.token(token(TENANT_ADMIN)))) {
            admin.topics().createNonPartitionedTopic(topic);
            admin.topics().grantPermission(topic, role, Set.of(AuthAction.produce, AuthAction.consume));
            equal(Set.of(AuthAction.produce, AuthAction.consume), admin.topics().getPermissions(topic).get(role));
            eventually(SECONDS, () -> {
                try {
                    works(plain(AuthenticationFactory.token(token(role))));
                    return true;
                } catch (PulsarClientException.AuthorizationException notYet) {
                    return false; /* Pulsar's brokers keep what they read for a while */
                }
            });
            admin.topics().revokePermissions(topic, role);
            eventually(SECONDS, () -> admin.topics().getPermissions(topic).get(role) == null);
        }
        eventually(SECONDS, () -> {
            try {
                works(plain(AuthenticationFactory.token(token(role))));
                return false;
            } catch (PulsarClientException.AuthorizationException gone) {
                return true;
            }
        });
    }

    void lookups_over_http_and_https_carry_the_credentials() throws Exception {
        works(plain(AuthenticationFactory.token(token(ROLE))).serviceUrl(broker.httpUrl()));
        works(tls(AuthenticationFactory.token(token(ROLE))).serviceUrl(broker.httpUrlTls()));
        works(tls(certificate("client")).serviceUrl(broker.httpUrlTls()));
        isRefused(PulsarClientException.class, plain(AuthenticationFactory.token(token(STRANGER)))
                .serviceUrl(broker.httpUrl()).operationTimeout(3, TimeUnit.SECONDS));
    }
}
