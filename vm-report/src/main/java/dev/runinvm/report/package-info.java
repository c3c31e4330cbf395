/**
 * What a guest run leaves behind, as a document, and what documents of several techniques say together. Knows neither
 * the engine nor JUnit nor Maven: it reads and writes files.
 */
@NullMarked
package dev.runinvm.report;

import org.jspecify.annotations.NullMarked;
