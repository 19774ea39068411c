# Who speaks when in the selected Sound: adds a TextGrid of voice gender labels to the list of objects.
# It runs the command speechgmm, which must be installed. If Praat does not find it, give its whole path.

form Voice gender labels of the selected Sound
    sentence Command speechgmm
endform

sound = selected ("Sound")
name$ = selected$ ("Sound")
audio$ = temporaryDirectory$ + "/speechgmm-" + name$ + ".wav"
labels$ = temporaryDirectory$ + "/speechgmm-" + name$ + ".TextGrid"

Save as WAV file: audio$
runSystem: command$, " segment --format textgrid """, audio$, """ > """, labels$, """"
grid = Read from file: labels$
Rename: name$
deleteFile: audio$
deleteFile: labels$
selectObject: sound
plusObject: grid
