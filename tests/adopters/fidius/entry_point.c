/* A fidius plugin without methods, by the layout of fidius-guest 0.5's descriptor.rs. */

#include <stddef.h>
#include <stdint.h>

struct descriptor {
    uint32_t descriptor_size, abi_version;
    const char *interface_name;
    uint64_t interface_hash;
    uint32_t interface_version;
    uint64_t capabilities;
    uint8_t buffer_strategy;
    const char *plugin_name;
    const void *vtable;
    void (*free_buffer)(uint8_t *, size_t);
    uint32_t method_count;
    const void *method_metadata, *trait_metadata;
    uint32_t trait_metadata_count;
    void *(*construct)(const uint8_t *, uint32_t);
    void (*destroy)(void *);
};

struct registry {
    char magic[8];
    uint32_t registry_version, plugin_count;
    const struct descriptor *const *descriptors;
};

/* The host calls it for each handle, with the plugin's configuration. */
static void *construct(const uint8_t *configuration, uint32_t length)
{
    static char instance;
    (void)configuration, (void)length;
    conformance_called();
    return &instance;
}

static const struct descriptor descriptor = {
    .descriptor_size = sizeof descriptor,
    .abi_version = 500,
    .interface_name = "Conformance",
    .interface_version = 1,
    .buffer_strategy = 1,
    .plugin_name = CONFORMANCE_NAME,
    .construct = construct,
};

static const struct descriptor *const descriptors[] = {&descriptor};

const struct registry *fidius_get_registry(void)
{
    static const struct registry registry = {"FIDIUS\0", 1, 1, descriptors};
    return &registry;
}
