"""A real browser for scripts: Chromium without a window, driven by Selenium.

Not a program: other scripts import it.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from python_intelmq import CACHE

PACKAGES = ["selenium==4.51.0"]
DEBIAN = {"chromium": "chromium", "chromedriver": "chromium-driver"}
# Chromium's own calls home are of no use to a test, and none is answered where there is no network.
OPTIONS = ["--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--window-size=1400,1000"]
# How long something in a page may take, in seconds.
PATIENCE = 20


def skip(reason):
    """Ends the script as skipped, aloud."""
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(77)


def venv(name, packages):
    """Returns a virtual environment in the user's cache with these packages; exits 77 where it cannot be made."""
    folder = CACHE / name
    done = folder / "complete"
    wanted = " ".join(packages)
    if done.exists() and done.read_text() == wanted:
        return folder
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], stdout=sys.stderr)
    if made.returncode or subprocess.run([folder / "bin/pip", "install", "-q", *packages], stdout=sys.stderr).returncode:
        skip(f"these packages cannot be installed here: {wanted}")
    done.write_text(wanted)
    return folder


def install():
    """Makes sure that there is a browser, and that Python can drive it; exits 77 where that cannot be."""
    missing = [package for program, package in DEBIAN.items() if not shutil.which(program)]
    if missing:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            skip(f"these packages are missing: {' '.join(missing)}")
        subprocess.run(["apt-get", "update", "-q"], stdout=sys.stderr)
        command = ["apt-get", "install", "-yq", "--no-install-recommends", "fonts-dejavu-core", *missing]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            skip(f"these packages cannot be installed here: {' '.join(missing)}")
    packages = venv("selenium", PACKAGES)
    sys.path.append(str(next((packages / "lib").glob("python3*/site-packages"))))


class Page:
    """What a script does in a browser: it looks for elements by CSS, and waits until something holds."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url):
        """Opens a page; one that the browser gave up, as it does when a network of the machine comes or goes, is opened again."""
        def act():
            self.driver.get(url)
            return not self.js("return location.href").startswith("chrome-error:")
        self.wait(url, act)

    def js(self, script, *arguments):
        """Runs a function's body in the page, and returns what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, what, condition, seconds=PATIENCE):
        """Waits until a function gives something; a page that changes meanwhile is looked at again."""
        from selenium.common.exceptions import WebDriverException
        deadline = time.monotonic() + seconds
        last = None
        while True:
            try:
                last = condition()
                if last:
                    return last
            except WebDriverException as error:
                last = error.msg
            if time.monotonic() > deadline:
                self.fail(f"waited {seconds} s in vain for {what}; last: {last!r}")
            time.sleep(0.02)

    def fail(self, reason):
        """Ends the script, with what the page showed."""
        shot = pathlib.Path(os.environ.get("LAB_SCRATCH") or tempfile.gettempdir()) / "browser.png"
        self.driver.save_screenshot(str(shot))
        told = "\n".join(self.complaints())
        sys.exit(f"{reason}\nat {self.driver.current_url}\npicture: {shot}\n{self.text('body')[:1500]}\n{told}")

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def find(self, css, holding=""):
        """Waits for a visible element, perhaps one that holds a text."""
        def look():
            return next((one for one in self.all(css) if one.is_displayed() and holding in one.text), None)
        return self.wait(f"{css} {holding!r}", look)

    def text(self, css):
        return " ".join(one.text for one in self.all(css))

    def shows(self, css, text, seconds=PATIENCE):
        """Waits until elements show a text."""
        self.wait(f"{text!r} in {css}", lambda: text in self.text(css), seconds)

    def click(self, css, holding=""):
        """Clicks an element; one that another covers for a moment is clicked again."""
        def act():
            self.find(css, holding).click()
            return True
        self.wait(f"a click on {css} {holding!r}", act)

    def type(self, css, text):
        """Types a text into a field, in place of what was there; a page that takes the keys away meanwhile gets them again."""
        def act():
            field = self.find(css)
            field.clear()
            field.send_keys(text)
            return field.get_property("value") == text
        self.wait(f"{css} to hold {text!r}", act)

    def agree(self):
        """Says yes to the question that the page asks."""
        self.wait("a question", lambda: self.driver.switch_to.alert.accept() is None)

    def complaints(self):
        """Returns what was written to the console since the last call: errors and breaches of the page's policy."""
        entries = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        # A network of the machine came or went, which is nobody's fault here.
        return [told for told in entries if "ERR_NETWORK_CHANGED" not in told]


@contextlib.contextmanager
def browser(*options):
    """Starts a browser without a past and gives its page; it ends with the script, however that ends."""
    install()
    from selenium import webdriver
    wanted = webdriver.ChromeOptions()
    wanted.binary_location = shutil.which("chromium")
    wanted.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(prefix="browser-") as profile:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        for option in [*OPTIONS, *sandbox, f"--user-data-dir={profile}", *options]:
            wanted.add_argument(option)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=wanted, service=service)
        try:
            yield Page(driver)
        finally:
            driver.quit()
