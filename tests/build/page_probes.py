"""What the browser tests measure on a page: accessibility, contrast, references."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

LUMINANCE = """
luminance = colour => {
  const numbers = colour.match(/[\\d.]+/g).map(Number);
  if (numbers[3] === 0) return 1;
  const [r, g, b] = numbers.slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


def scroll_through(page: "Page") -> None:
    """Bring each live part near the screen, and wait until what it has to show is drawn."""
    page.evaluate(
        """async () => {
          for (const part of document.querySelectorAll('[data-mount]')) {
            const drawn = tries => part.childElementCount === 0 ? tries > 12
              : part.textContent.trim() !== '' && !part.querySelector('canvas:not([aria-label])');
            for (let tries = 0; !drawn(tries); tries++) {
              part.scrollIntoView();
              if (tries > 400) throw Error(`${part.dataset.mount} was not drawn`);
              await new Promise(done => setTimeout(done, 25));
            }
          }
          scrollTo(0, 0);
        }"""
    )


def serious_findings(page: "Page") -> list[dict[str, Any]]:
    """What axe-core calls serious or critical, with the elements it means."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        {"id": one["id"], "at": [node["html"][:120] for node in one["nodes"][:4]]}
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def pale_svg_text(page: "Page") -> list[str]:
    """Texts in figures with a contrast under 4.5 to the page (axe-core leaves SVG out)."""
    return page.evaluate(
        LUMINANCE
        + """; const page = luminance(getComputedStyle(document.body).backgroundColor) ;
        [...document.querySelectorAll('svg text')].filter(each => {
          const text = luminance(getComputedStyle(each).fill);
          return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05) < 4.5;
        }).map(each => each.textContent)"""
    )


def luminance(page: "Page", what: str) -> float:
    """Relative luminance (WCAG 2) of a colour of the body, 0 to 1."""
    return page.evaluate(f"{LUMINANCE}; luminance(getComputedStyle(document.body).{what})")


def referred_ids(page: "Page") -> list[str]:
    """Every id that an attribute of the page refers to."""
    return page.evaluate(
        """[...document.querySelectorAll('*')].flatMap(each => [
          ...['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-owns', 'for', 'list',
              'aria-activedescendant', 'aria-details', 'headers']
            .flatMap(name => (each.getAttribute(name) ?? '').split(/\\s+/)),
          (each.getAttribute('href') ?? '').match(/^#(.*)/)?.[1],
          ...[...each.attributes].flatMap(
            one => [...one.value.matchAll(/url\\(["']?#([^"')]+)/g)].map(found => found[1])),
        ]).filter(Boolean)"""
    )
