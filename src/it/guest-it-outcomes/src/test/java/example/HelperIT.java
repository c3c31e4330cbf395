package example;

/** Matches the pattern and holds no test. */
class HelperIT {}
