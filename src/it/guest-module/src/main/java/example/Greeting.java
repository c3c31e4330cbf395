package example;

public final class Greeting {
    private Greeting() {}

    static String text() {
        return "hello from " + System.getProperty("os.name");
    }
}
