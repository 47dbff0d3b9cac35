// The plug-in of plugin_registry: it registers itself as soon as it is loaded.

extern "C" void register_plugin(const char* plugin);

namespace {

struct Registration {
  Registration() { register_plugin("libplugin"); }
};

const Registration registration;

}  // namespace
