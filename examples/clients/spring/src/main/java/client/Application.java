package client;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.scheduling.annotation.EnableScheduling;

/**
 * A producer and a consumer with Spring Boot that neither lose nor repeat an order while their credentials rotate.
 *
 * <p>Without a profile, the credentials come from a mounted volume. With the profile {@code reload}, Spring Cloud Kubernetes
 * reads and reloads them. {@code docs/src/clients/spring.md} explains what matters.
 */
@SpringBootApplication
@EnableScheduling
public class Application {
    public static void main(String[] arguments) {
        SpringApplication.run(Application.class, arguments);
    }
}
