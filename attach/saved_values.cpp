#include "attach/saved_values.h"

namespace pstuck {
namespace {

constexpr std::size_t kDeepest = 64;

/// Looks at a file's items without building anything: the parser calls itself for each level, so
/// that a file of nothing but array heads would overflow the stack.
class ShapeCheck final : public nlohmann::json_sax<SavedJson> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= kDeepest; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t) override { return ++depth_ <= kDeepest; }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t, const std::string&, const SavedJson::exception&) override {
    return false;
  }

 private:
  std::size_t depth_ = 0;
};

}  // namespace

SavedJson parse_saved(std::span<const std::byte> cbor) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(cbor.data());
  const auto* const end = begin + cbor.size();
  ShapeCheck check;
  if (!SavedJson::sax_parse(begin, end, &check, SavedJson::input_format_t::cbor)) {
    throw SavedJson::type_error::create(302, "not CBOR as pstuck writes it", nullptr);
  }
  return SavedJson::from_cbor(begin, end);
}

}  // namespace pstuck
