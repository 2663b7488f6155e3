"""What of the charts is generated: their values' schema and table, the CustomResourceDefinition, the operator's rights, and manifests/."""
