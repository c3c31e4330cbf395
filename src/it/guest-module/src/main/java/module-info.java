module example.greeting {
    exports example;
}
