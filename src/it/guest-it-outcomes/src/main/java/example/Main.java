package example;

public class Main {
    public String name() {
        return "main";
    }
}
