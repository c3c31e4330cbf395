package example;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

@RunInVM
class GreetingTest {
    @Test
    void packagePrivateCodeOfTheModuleIsReached() {
        assertEquals("true", System.getProperty("runinvm.guest"));
        assertEquals("hello from Linux", Greeting.text());
        System.out.println(
                "in the guest: " + ProcessHandle.current().info().command().orElse("?"));
    }
}
