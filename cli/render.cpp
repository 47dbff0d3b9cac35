#include <algorithm>
#include <array>
#include <ostream>

#include "cli/labels.h"
#include "cli/palette.h"
#include "cli/renderers.h"
#include "cli/report.h"

namespace pstuck {
namespace {

using Renderer = void (*)(const std::vector<Report>&, const RenderOptions&, std::ostream&);

void render_texts(const std::vector<Report>& reports, const RenderOptions& options,
                  std::ostream& out) {
  const Palette palette = options.colour ? kTerminalPalette : Palette{};
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (reports.size() > 1) {
      out << (i > 0 ? "\n" : "")
          << palette.paint(palette.head, "==> " + Labels(reports[i]).process() + " <==") << "\n\n";
    }
    (options.all_threads ? render_threads : render_text)(reports[i], palette, out);
  }
}

void render_document(const std::vector<Report>& reports, const RenderOptions& /*options*/,
                     std::ostream& out) {
  render_json(reports, out);
}

void render_postmortems(const std::vector<Report>& reports, const RenderOptions& /*options*/,
                        std::ostream& out) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (i > 0) out << "\n---\n\n";
    render_postmortem(reports[i], out);
  }
}

struct Row {
  Format format;
  Renderer render;
};

constexpr std::array kRenderers{
    Row{Format::kText, render_texts},
    Row{Format::kJson, render_document},
    Row{Format::kPostmortem, render_postmortems},
};

}  // namespace

void render(const std::vector<Report>& reports, Format format, const RenderOptions& options,
            std::ostream& out) {
  for (const Row& row : kRenderers) {
    if (row.format == format) row.render(reports, options, out);
  }
}

int hang_status(const std::vector<Report>& reports) {
  const bool hangs = std::any_of(reports.begin(), reports.end(), [](const Report& report) {
    return !report.diagnosis.findings.empty();
  });
  return hangs ? 1 : 0;
}

}  // namespace pstuck
