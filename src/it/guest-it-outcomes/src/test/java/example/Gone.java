package example;

/** Is deleted before the tests run. */
class Gone {}
