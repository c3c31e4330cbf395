package example.user;

import example.Library;

public class User {
    public static String name() {
        return "user of " + Library.name();
    }
}
