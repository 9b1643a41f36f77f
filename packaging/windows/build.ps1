# Builds the program and its installer on Windows, from a clean checkout:
#     powershell -ExecutionPolicy Bypass -File packaging\windows\build.ps1
# Needs Python 3.11 or newer (`py`), and for the installer Inno Setup 6 (`iscc`). Makes dist\i3desk\, with i3desk.exe (the
# window) and i3core.exe (the command line), dist\i3desk-VERSION-windows-x86_64-setup.exe and dist\SHA256SUMS.
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..\..")
function Invoke-Checked { param([string]$Program, [string[]]$Arguments) & $Program @Arguments; if ($LASTEXITCODE) { throw "$Program failed" } }

$python = "build\venv-package\Scripts\python.exe"
if (-not (Test-Path $python)) { Invoke-Checked "py" @("-3", "-m", "venv", "build\venv-package") }
Invoke-Checked $python @("-m", "pip", "install", "--quiet", "torch==2.13.0", "--index-url", "https://download.pytorch.org/whl/cpu")
Invoke-Checked $python @("-m", "pip", "install", "--quiet", "--constraint", "packaging\constraints.txt", "--editable", ".[package]")

$env:PYTHONHASHSEED = "1"
$env:I3DESK_ICONS = Join-Path (Get-Location) "build\icons"
Invoke-Checked $python @("packaging\icons.py", "build\icons")
Invoke-Checked $python @("-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "ERROR", "--distpath", "dist", "--workpath", "build\program", "packaging\i3desk.spec")
Invoke-Checked $python @("packaging\collect_licences.py", "dist\i3desk")
Invoke-Checked "dist\i3desk\i3core.exe" @("generate", "--prompt", "hello!", "--seed", "1")

$version = & $python -c "import i3core; print(i3core.__version__)"
if (Get-Command iscc -ErrorAction SilentlyContinue) {
    Invoke-Checked "iscc" @("/Q", "/DVersion=$version", "packaging\windows\i3desk.iss")
    $setup = "i3desk-$version-windows-x86_64-setup.exe"
    $hash = (Get-FileHash "dist\$setup" -Algorithm SHA256).Hash.ToLower()
    Set-Content -Path "dist\SHA256SUMS" -Value "$hash  $setup" -Encoding ascii
} else {
    Write-Host "Inno Setup (iscc) is not installed: no installer was made."
}
