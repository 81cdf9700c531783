// SPDX-License-Identifier: Apache-2.0
package org.apache.pulsar.admin.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** What picocli knows of a command, its options and the commands below it, as maps and lists: for whoever compares surfaces. */
final class Commands {
    private Commands() {
    }

    private static Map<String, Object> argument(ArgSpec spec) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("label", spec.paramLabel());
        told.put("arity", spec.arity().toString());
        told.put("type", spec.type().getSimpleName());
        told.put("required", spec.required());
        told.put("default", spec.defaultValue() != null ? spec.defaultValue()
                : spec.initialValue() == null ? null : String.valueOf(spec.initialValue()));
        told.put("split", spec.splitRegex());
        told.put("hidden", spec.hidden());
        told.put("description", String.join("\n", spec.description()));
        return told;
    }

    static Map<String, Object> of(CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("name", spec.name());
        told.put("aliases", List.of(spec.aliases()));
        told.put("hidden", spec.usageMessage().hidden());
        told.put("description", String.join("\n", spec.usageMessage().description()));
        List<Object> options = new ArrayList<>();
        for (OptionSpec option : spec.options()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("names", List.of(option.names()));
            one.putAll(argument(option));
            options.add(one);
        }
        told.put("options", options);
        List<Object> positionals = new ArrayList<>();
        for (PositionalParamSpec positional : spec.positionalParameters()) {
            positionals.add(argument(positional));
        }
        told.put("positionals", positionals);
        List<Object> below = new ArrayList<>();
        for (CommandLine subcommand : new java.util.LinkedHashSet<>(command.getSubcommands().values())) {
            below.add(of(subcommand));
        }
        told.put("commands", below);
        return told;
    }
}
