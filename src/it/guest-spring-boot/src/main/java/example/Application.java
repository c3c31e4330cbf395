package example;

import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {
    @GetMapping("/kernel")
    String kernel() throws java.io.IOException {
        return java.nio.file.Files.readString(java.nio.file.Path.of("/proc/version"));
    }
}
