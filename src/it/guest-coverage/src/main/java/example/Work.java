package example;

public final class Work {
    private Work() {}

    static String there() {
        return "done in the guest";
    }

    static String here() {
        return "done on the host";
    }

    static String inTheGoal() {
        return "done in a guest of the plugin's";
    }

    static String never() {
        return "never done";
    }
}
