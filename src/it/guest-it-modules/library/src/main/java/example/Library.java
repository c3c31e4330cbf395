package example;

public class Library {
    public static String name() {
        return "library";
    }
}
