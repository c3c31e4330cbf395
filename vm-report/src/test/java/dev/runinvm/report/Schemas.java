package dev.runinvm.report;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** What validators say of our JSON. */
final class Schemas {
    static final String RUN = "urn:runinvm:schema:run:1";
    static final String REPORT = "urn:runinvm:schema:report:1";

    private Schemas() {}

    /** What is wrong with this JSON by the schema of that name; empty if nothing is. */
    static List<String> errors(String schema, String json) throws IOException {
        Map<String, String> known = Map.of(RUN, text("run.schema.json"), REPORT, text("report.schema.json"));
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12, builder -> builder.schemas(known))
                .getSchema(SchemaLocation.of(schema))
                .validate(json, InputFormat.JSON)
                .stream()
                .map(Object::toString)
                .toList();
    }

    static String text(String name) throws IOException {
        try (InputStream in = RunDocument.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
