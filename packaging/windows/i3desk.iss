; The installer for Windows, for one user or all; called by build.ps1 with /DVersion=...
[Setup]
AppId={{7C1D8B52-6E1F-4B0E-9C0B-2A1F0B6E3D13}
AppName=i3desk
AppVersion={#Version}
AppPublisher=The i3desk project
AppPublisherURL=https://github.com/i3desk/i3desk
DefaultDirName={autopf}\i3desk
DefaultGroupName=i3desk
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesEnvironment=yes
CloseApplications=yes
Compression=lzma2/max
SolidCompression=yes
LicenseFile=..\..\LICENSE
OutputDir=..\..\dist
OutputBaseFilename=i3desk-{#Version}-windows-x86_64-setup
SetupIconFile=..\..\build\icons\i3desk.ico
UninstallDisplayIcon={app}\i3desk.exe
WizardStyle=modern

[Tasks]
Name: desktopicon; Description: "An icon on the desktop"; Flags: unchecked
Name: path; Description: "i3core on the path, for the command line"; Flags: unchecked

[InstallDelete]
; What an older version brought and this one does not.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "..\..\dist\i3desk\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\i3desk"; Filename: "{app}\i3desk.exe"
Name: "{autodesktop}\i3desk"; Filename: "{app}\i3desk.exe"; Tasks: desktopicon

[Registry]
Root: HKA; Subkey: "{code:EnvironmentKey}"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: NotOnPath

[Run]
Filename: "{app}\i3desk.exe"; Description: "Start i3desk"; Flags: nowait postinstall skipifsilent

[Code]
function EnvironmentKey(Param: String): String;
begin
  if IsAdminInstallMode then
    Result := 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
  else
    Result := 'Environment';
end;

function CurrentPath(): String;
begin
  if not RegQueryStringValue(HKA, EnvironmentKey(''), 'Path', Result) then
    Result := '';
end;

function NotOnPath(): Boolean;
begin
  Result := Pos(';' + Lowercase(ExpandConstant('{app}')) + ';', ';' + Lowercase(CurrentPath()) + ';') = 0;
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
var
  Path, Ours: String;
begin
  if Step = usPostUninstall then begin
    Path := CurrentPath();
    Ours := ';' + ExpandConstant('{app}');
    if Pos(Lowercase(Ours), Lowercase(Path)) > 0 then begin
      Delete(Path, Pos(Lowercase(Ours), Lowercase(Path)), Length(Ours));
      RegWriteExpandStringValue(HKA, EnvironmentKey(''), 'Path', Path);
    end;
  end;
end;
